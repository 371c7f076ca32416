// Sliders over recorded pictures, quizzes and hints. Data come as scripts, when they are first asked for:
// a page opened from a disk may load nothing else.
window.course = (() => {
  const received = {}, asked = {};

  const ask = ({dataset: {name, source}}) => asked[name] ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = source;
    script.onload = () => resolve(received[name]);
    script.onerror = () => { delete asked[name]; reject(new Error(source)); };
    document.head.append(script);
  });

  const sorry = place => () => {
    place.textContent = 'This could not be loaded. The notebook has it: run it, or load this page again.';
  };

  // Sliders

  const explore = figure => {
    const controls = [...figure.querySelectorAll('input, select')];
    const picture = figure.querySelector('img'), words = figure.querySelector('[role=status]');

    const show = recorded => {
      const moving = recorded.controls.filter(({readouts}) => readouts.length);
      let place = 0;
      moving.forEach(({readouts}, i) => {
        const at = Number(controls[i].value);
        place = place * readouts.length + at;
        if (controls[i].type !== 'range') return;
        controls[i].setAttribute('aria-valuetext', readouts[at]);
        controls[i].nextElementSibling.textContent = readouts[at];
      });
      picture.src = 'data:image/webp;base64,' + recorded.pictures[recorded.places[place]];
      picture.alt = words.textContent = recorded.texts[place];
    };

    const load = () => ask(figure).catch(sorry(words));
    const move = () => ask(figure).then(show, sorry(words));
    for (const control of controls) {
      control.disabled = false;
      control.addEventListener('input', move);
      control.addEventListener('focus', load, {once: true});
      control.addEventListener('pointerdown', load, {once: true});
    }
    if ('play' in figure.dataset) play(controls[0], words, move);
  };

  // The first slider of the home page moves through all its positions once, unless less motion is wished for.
  const play = (slider, words, move) => {
    const button = Object.assign(document.createElement('button'), {type: 'button', className: 'course-play'});
    let timer;
    const stop = () => {
      clearInterval(timer);
      timer = null;
      button.textContent = 'Play';
      words.removeAttribute('aria-live');
    };
    const start = () => {
      const first = slider.valueAsNumber, last = Number(slider.max);
      const path = [...Array(last + 1).keys()].map(i => (first + i + 1) % (last + 1));
      button.textContent = 'Pause';
      words.setAttribute('aria-live', 'off');  // nobody wants to hear all of it
      timer = setInterval(() => {
        slider.value = path.shift();
        move();
        if (!path.length) stop();
      }, 500);
    };
    stop();
    button.addEventListener('click', () => { if (timer) stop(); else start(); });
    for (const event of ['input', 'pointerdown', 'keydown']) slider.addEventListener(event, stop);
    slider.closest('.course-controls').append(button);
    if (matchMedia('(prefers-reduced-motion: no-preference)').matches) addEventListener('load', start);
  };

  // Quizzes and hints

  const answer = quiz => quiz.querySelectorAll('fieldset').forEach((question, number) => {
    const told = question.querySelector('[role=status]');
    question.addEventListener('change', ({target}) => ask(quiz).then(
      answers => { told.innerHTML = answers.quiz[number][target.value]; }, sorry(told)));
  });

  const hint = place => {
    const button = place.querySelector('button'), told = place.querySelector('[role=status]');
    button.addEventListener('click', () => ask(place).then(answers => {
      const hints = answers.hints[place.dataset.exercise], shown = told.childElementCount;
      if (shown >= hints.length) return;  // clicked more than once while they were loading
      told.insertAdjacentHTML('beforeend', `<p>Hint ${shown + 1} of ${hints.length}: ${hints[shown]}</p>`);
      button.textContent = 'Show another hint';
      button.disabled = shown + 1 === hints.length;
    }, sorry(told)));
  };

  // What is wider than the page scrolls by arrow keys too.

  const letScroll = () => document.querySelectorAll('pre, .math, .table-wrapper, .course-wide').forEach(box => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
  });

  document.querySelectorAll('.course-explorer').forEach(explore);
  document.querySelectorAll('.course-quiz').forEach(answer);
  document.querySelectorAll('.course-hints').forEach(hint);
  addEventListener('load', letScroll);
  addEventListener('resize', letScroll);

  return {receive: (name, data) => { received[name] = data; }};
})();
