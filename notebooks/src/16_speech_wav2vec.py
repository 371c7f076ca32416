# %% [markdown]
# # 16 Speech (wav2vec 2.0)
#
# You hide pieces of spoken utterances and train a network to name what was hidden, without any transcription. Then you
# compare what it has learned with the phones, which are known here for every frame, and measure what it is worth for
# recognising speech with few labels.
#
# - **Sliders:** utterance, span and probability of the mask, temperature of the codebook, weight of the diversity loss,
#   number of labelled utterances
# - **Time:** about 100 minutes, and 40 for the open question
# - **You need:** lesson 08 (masks, transformer) and lesson 09 (contrastive loss)
#
# Afterwards you can
#
# - say what wav2vec 2.0 hides, what it predicts, and where its negatives come from;
# - write its two losses, and draw from a codebook so that gradients still flow;
# - recognise a collapse that looks like success, and write a check that reports it;
# - compare learned codes with phones, beside clusters of plain spectra;
# - measure with fair controls how many labelled utterances pretraining saves, and where it saves none.

# %%
import copy
import math

import torch
from torch.nn import functional as F

from sslcourse import evaluate, weights
from sslcourse.data import Batches, log_mel, speech, spliced
from sslcourse.encoders import SpeechEncoder
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import code_perplexity, diversity_loss, masked_contrastive_loss
from sslcourse.masking import sample_distractors, span_mask
from sslcourse.methods import KMeans, PhoneRecogniser, ProductQuantiser, Wav2Vec2
from sslcourse.methods.product_quantiser import gumbel_choice
from sslcourse.training import train_adamw
from sslcourse.widgets import play, start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from sslcourse.claims import claim
from sslcourse.data import sweep
from sslcourse.diagrams import Diagram
from sslcourse.evaluate import labels_needed
from sslcourse.plots import COLORS, LINE_STYLES, freeze_layout, plot_speech, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import choice, explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# A child understands words long before it can read: it has listened. **wav2vec 2.0** learns in a similar way. It hides
# pieces of an utterance and has to say what was there: not the waveform itself, which is full of noise, but which of a small
# number of learned **codes** the hidden sound has.
#
# This is BERT (lesson 08) for a signal that has no words: they have to be invented during training. And it is contrastive
# (lesson 09): the true code has to be told from codes of other hidden frames of the same utterance. Its ancestor is
# *contrastive predictive coding* (van den Oord et al.), which predicts later latents from earlier ones with InfoNCE.

# %% tags=["drawing"]
# Draws the method: waveform, convolutions, mask, transformer, quantiser, contrastive loss
picture = Diagram("wav2vec 2.0", column=1.3)
waveform_box = picture.data("waveform", 0, 0)
conv_box = picture.encoder("convo-\nlutions", 1, 0)
mask_box = picture.cells("spans hidden", 2.1, 0, "..###..##.")
transformer_box = picture.encoder("trans-\nformer", 3.2, 0)
contrastive_box = picture.loss("contras-\ntive", 4.1, 0.65)
quantiser_box = picture.head("quantiser", 2.2, 1.3)
diversity_box = picture.loss("diversity", 4.1, 1.6)
picture.flow(
    waveform_box, conv_box, "$z$", mask_box, transformer_box, "$c$", contrastive_box
)
picture.flow(conv_box, "$z$", quantiser_box, "$q$", contrastive_box)
picture.flow(quantiser_box, "$p$", diversity_box)
show(picture.figure, alt=picture.words)

# %% [markdown]
# - Convolutions turn the waveform into a **latent** vector $z_t$ for every 20 milliseconds, a **frame**.
# - A **quantiser** turns every latent into a code $q_t$: what is to be predicted. It sees what is hidden.
# - A transformer gets the latents, with one learned vector in the place of the hidden ones, and turns each frame into a
#   **context** vector $c_t$. At hidden frames, $c_t$ has to be similar to $q_t$.
#
# Convolutions and transformer are kept. The quantiser is thrown away after training.

# %% [markdown]
# ## 2. Speech whose every sound is known
#
# The speech of this lesson is synthetic: 26 invented words, made of 15 phones and said by many voices. A **phone** is one
# sound of speech; here each has one letter, and `S` is the first sound of *shoe*. The voices differ in pitch and in the
# size of their mouths, the utterances in speed and background noise. Each utterance has three words, and for every frame
# we know the phone; silence counts as a sixteenth, written `_`. Listen:

# %%
utterances = speech(1600)
print("waveforms", tuple(utterances.waveforms.shape), "at 8,000 samples a second")
print("phones   ", tuple(utterances.phones.shape), "one for each frame")
heard = {
    f"voice {int(utterances.voices[i])} says {utterances.text(i)}": utterances.waveforms[
        i
    ]
    for i in (0, 8, 4)
}
play(heard)

# %% [markdown]
# In the waveform a phone can hardly be recognised by eye. The **spectrogram** shows more: how loud each frequency is at
# each moment. **Log-mel spectra** are spectrograms whose bands follow human hearing, with the logarithm of the energy in
# each. Engineers designed them for speech. Voiced phones have bright bands, the
# *formants*; `s` is a hiss at the top, `t` a silence and then a burst.

# %% tags=["drawing"]
# Draws waveform and spectrogram with the phones; choose the utterance
bands = log_mel(utterances.waveforms[:20])
look_figure, (wave_ax, look_ax) = subplots(rows=2, width=7, height=4.2)


def phones_of(data, row):
    return [data.phone_names[phone] for phone in data.phones[row]]


(wave,) = wave_ax.plot(utterances.waveforms[0][::4], color=COLORS[0], linewidth=0.4)
wave_ax.set(xlim=(0, 2560), ylim=(-1, 1), xticks=[], ylabel="waveform")
plot_speech(bands[0], phones_of(utterances, 0), look_ax)
freeze_layout(look_figure)


def draw_utterance(number):
    wave.set_ydata(utterances.waveforms[number][::4])
    plot_speech(bands[number], phones_of(utterances, number), look_ax)
    silence = (utterances.phones[number] == 0).double().mean()
    return look_figure, (
        f"Voice {utterances.voices[number]} says {utterances.text(number)}. "
        f"{100 * silence:.0f} % of the 64 frames are silence."
    )


explore(draw_utterance, number=slider("utterance", 0, 19, step=1, value=0))

# %% [markdown]
# Nothing says where one word ends and the next begins, and the same phone looks different in each voice.
#
# ## 3. From waveform to latents
#
# Three convolutions read the waveform, the first in steps of 10 samples, the others in steps of 4 outputs of the one before:
# 160 samples or 20 milliseconds in all. An utterance of 10,240 samples becomes 64 frames.

# %%
torch.manual_seed(0)
encoder = SpeechEncoder()
with torch.no_grad():
    latents = encoder.latents(utterances.waveforms[:1])
    context = encoder(utterances.waveforms[:1])
print("latents", tuple(latents.shape))
print("context", tuple(context.shape))

# %% [markdown]
# How much of the utterance does a latent hear, and how much a context vector? Change the waveform within frame 32 and
# see what moves, also in a copy without normalisation between the convolutions:

# %%
changed = utterances.waveforms[:1].clone()
changed[:, 32 * 160 : 33 * 160] += 0.01 * torch.randn(160)
bare = copy.deepcopy(encoder)
bare.convolutions[1] = bare.convolutions[4] = torch.nn.Identity()
parts = {"latents, bare": bare.latents, "latents": encoder.latents, "context": encoder}
for name, part in parts.items():
    with torch.no_grad():
        moves = (part(changed) - part(utterances.waveforms[:1])).abs().amax(2)[0]
    print(f"{name:13} {(moves > 1e-6).sum():2} of {len(moves)} move,", end=" ")
    print(f"frame 32 by {moves[32]:.2f}, the first 20 by at most {moves[:20].max():.3f}")

samples = utterances.waveforms[:1].clone().requires_grad_()
bare.latents(samples)[0, 32, 0].backward()
print("samples that one bare latent hears:", samples.grad.count_nonzero().item())

# %% tags=["claim"]
# Checks what a latent hears with and without the normalisation
claim("a bare latent hears 370 samples", lambda: samples.grad.count_nonzero() == 370)

# %% [markdown]
# Without normalisation a latent hears 370 samples, 46 milliseconds. The normalisation uses mean and spread over the whole
# utterance, so every sample, even a hidden one, moves every latent a little. The transformer hears the whole utterance.

# %%
show_source(SpeechEncoder.__init__, SpeechEncoder.context)

# %% [markdown]
# ## 4. Hiding spans
#
# BERT hides single words. But a phone lasts several frames of 20 ms: hide one frame, and its neighbours give it away. So
# wav2vec 2.0 hides **spans**. Each frame begins a span with a small probability; a span hides $M$ frames; spans may
# overlap, and then they hide fewer frames than they have together. Move both:

# %% tags=["drawing"]
# Draws which frames are hidden; move the probability and the length of a span
mask_figure, mask_ax = subplots(width=7, height=2.6)
plot_speech(bands[0], phones_of(utterances, 0), mask_ax)
freeze_layout(mask_figure, *mask_ax.images)


def draw_mask(start, span):
    mask = span_mask(1000, 64, start, span, torch.Generator().manual_seed(1))
    mask_ax.images[0].set_data(bands[0].masked_fill(mask[0].unsqueeze(1), torch.nan).T)
    words = utterances.phones[0] != 0
    return mask_figure, (
        f"{mask[0].sum()} of 64 frames hidden (white); on average over 1,000 masks "
        f"{100 * mask.double().mean():.0f} %. Of the frames with speech, {100 * mask[0][words].double().mean():.0f} % "
        "are hidden here."
    )


explore(
    draw_mask,
    start=slider("start probability", 0.02, 0.3, step=0.02, value=0.1),
    span=slider("span M, frames", 2, 15, step=1, value=5),
)

# %% exercise="16.share"

# %% [markdown]
# The paper starts spans with probability 0.065 and takes $M = 10$ frames of 20 ms. We take 0.1 and $M = 5$, since our
# utterances are short. In Hugging Face's `transformers`, `mask_time_prob` is about the product of the two, and its default
# 0.05 is meant for fine-tuning: in pretraining it would hide about 5 % and not 49 %.

# %%
share = {
    name: 1 - (1 - start) ** span
    for name, start, span in [("paper", 0.065, 10), ("here", 0.1, 5)]
}
for name, value in share.items():
    print(f"{name:6} {100 * value:.0f} % of the frames hidden, far from the ends")

# %%
show_source(span_mask)

# %% [markdown]
# ## 5. Codes
#
# The targets are codes from a **product quantiser** (Jégou and others): $G = 2$ groups, each with a codebook of $V = 24$
# vectors. From each group one vector is chosen, and the chosen ones are joined. So 48 vectors make $24^2 = 576$ targets.
#
# Which one is chosen? A linear layer gives a logit $l_v$ to each code. If one always took the largest, a code that never
# is the largest would never be trained. So in training the choice is drawn at random, with the probabilities
# $\text{softmax}(l)$. The **Gumbel trick** (also in lesson 14) draws by a maximum: add noise $n_v = -\log(-\log u_v)$ with
# $u_v$ uniform between 0 and 1, and take the largest of $l_v + n_v$. Count:

# %%
logits = torch.tensor([1.0, 0.0, 2.0, -1.0])
generator = torch.Generator().manual_seed(0)
u = torch.rand(10_000, 4, generator=generator)
drawn = (logits - (-u.log()).log()).argmax(1)
print("drawn  ", [round(x, 2) for x in (drawn.bincount() / 10_000).tolist()])
print("softmax", [round(x, 2) for x in logits.softmax(0).tolist()])

# %% [markdown]
# A choice has no gradient. So backward, the gradient of a softmax takes its place, of the same noisy logits divided by a
# **temperature** $\tau$:
#
# $$ s_v = \frac{\exp((l_v + n_v) / \tau)}{\sum_k \exp((l_k + n_k) / \tau)} . $$
#
# Forward the hard choice, backward the soft one (*Gumbel-softmax*; Jang, Maddison et al.): this is the
# *straight-through* estimator.

# %%
show_source(gumbel_choice)

# %% [markdown]
# `soft - soft.detach()` is exactly 0 forward; backward only `soft` counts. Is the gradient right? Give each of six codes a
# value. The gradient of the *expected* value with respect to the logit of code 2 is known exactly; the picture compares it
# with 2,000 straight-through gradients.

# %% tags=["drawing"]
# Draws a soft choice, and mean and spread of its gradient; move the temperature
six = torch.tensor([1.0, 0.0, 2.0, -1.0, 0.5, 1.5])
value_of_code = torch.tensor([1.0, -1.0, 0.5, 2.0, -0.5, 0.0])
expected = six.clone().requires_grad_()
(expected.softmax(0) @ value_of_code).backward()
exact = expected.grad[2].item()


def straight_through(temperature, n=2000):
    """Mean and standard deviation of the gradient at code 2."""
    many = six.expand(n, 6).clone().requires_grad_()
    luck = torch.Generator().manual_seed(0)
    (gumbel_choice(many, temperature, luck) @ value_of_code).sum().backward()
    return many.grad[:, 2].mean().item(), many.grad[:, 2].std().item()


temperatures = [round(0.2 * k, 1) for k in range(1, 21)]
gradient = {t: straight_through(t) for t in temperatures}
gumbel_figure, (bar_ax, gradient_ax) = subplots(columns=2, width=7, height=2.8)
middles, spreads = (torch.tensor(part) for part in zip(*gradient.values(), strict=True))
gradient_ax.plot(temperatures, middles, color=COLORS[0], label="mean")
gradient_ax.fill_between(
    temperatures,
    middles - spreads,
    middles + spreads,
    color=COLORS[0],
    alpha=0.2,
    label="± std",
)
gradient_ax.axhline(exact, color=COLORS[2], linestyle="--", label="exact")
(here_mark,) = gradient_ax.plot([], [], "o", color=COLORS[1])
gradient_ax.set(xlabel="temperature", ylabel="gradient")
gradient_ax.legend(fontsize=8)
bars = bar_ax.bar(range(6), torch.ones(6))
bar_ax.set(xlabel="code (orange: chosen)", ylabel="soft choice", ylim=(0, 1))
freeze_layout(gumbel_figure, *bars, here_mark)


def draw_gumbel(temperature, number):
    luck = torch.Generator().manual_seed(number)
    noisy = six - (-torch.rand(6, generator=luck).log()).log()
    soft = (noisy / temperature).softmax(0)
    for code, bar in enumerate(bars):
        bar.set(height=soft[code], color=COLORS[int(code == noisy.argmax())])
    middle, spread = gradient[temperature]
    here_mark.set_data([temperature], [middle])
    return gumbel_figure, (
        f"Temperature {temperature:.1f}: code {int(noisy.argmax())} is chosen, its soft share is "
        f"{soft.max():.2f}. Exact gradient {exact:.2f}; straight-through {middle:.2f} on average, "
        f"with a standard deviation of {spread:.2f}."
    )


explore(
    draw_gumbel,
    temperature=stepped_slider("temperature", temperatures, 2.0),
    number=slider("draw", 0, 20, step=1, value=0),
)

# %% tags=["claim"]
# Checks bias and spread of the straight-through gradient at both ends
claim(
    "at 0.2 the mean is within 0.02 of the exact gradient, and the spread above 0.2",
    lambda: abs(gradient[0.2][0] - exact) < 0.02 and gradient[0.2][1] > 0.2,
)
claim(
    "at 2 the mean is below half of the exact gradient, and the spread below 0.05",
    lambda: gradient[2.0][0] < exact / 2 and gradient[2.0][1] < 0.05,
)

# %% [markdown]
# At a high temperature the gradients hardly scatter, but their mean is wrong. At a low one they scatter far around the right
# mean. So $\tau$ starts at 2 and falls to 0.5. But that mean is right only because the value is *linear* in the choice. Take
# a contrastive loss as the value, with six code vectors as targets:

# %%
luck = torch.Generator().manual_seed(0)
six_codes, here, four = torch.randn(11, 3, generator=luck).split([6, 1, 4])
six_logits = torch.tensor([1.0, 0.0, 2.0, -1.0, 0.5, 1.5])  # those of the picture


def loss_of(choices):
    """The contrastive loss (N,) of one-hot choices (N, 6), beside four other codes."""
    chosen = (choices @ six_codes).unsqueeze(1)
    candidates = torch.cat([chosen, four.expand(len(choices), 4, 3)], 1)
    cosines = F.cosine_similarity(here.unsqueeze(0), candidates, dim=2)
    return -(cosines / 0.1).log_softmax(1)[:, 0]


exactly = six_logits.clone().requires_grad_()
often = six_logits.repeat(5000, 1).requires_grad_()
(exactly.softmax(0) @ loss_of(torch.eye(6))).backward()
loss_of(gumbel_choice(often, 0.2, luck)).sum().backward()
on_average = often.grad[:, 2].mean()
print(f"exact {exactly.grad[2]:.1f}, straight-through on average {on_average:.1f}")

# %% tags=["claim"]
# Checks the bias of the straight-through gradient of a contrastive loss
bias = on_average / exactly.grad[2]
claim("its mean is less than half of the exact gradient", lambda: 0.2 < bias < 0.5)

# %% [markdown]
# A bias remains: the gradient comes out less than half as large. With other vectors it may be too large; try other seeds.

# %% exercise="16.gumbel"

# %%
show_source(ProductQuantiser.forward)

# %% [markdown]
# ## 6. The contrastive loss, by hand
#
# At a hidden frame $t$, the context vector $c_t$ has to be more similar to the true code $q_t$ than to $K$ **distractors**.
# These are codes of other hidden frames *of the same utterance*:
#
# $$ L_t = -\log \frac{\exp(\cos(c_t, q_t) / \kappa)}{\sum_{\tilde q} \exp(\cos(c_t, \tilde q) / \kappa)} , $$
#
# where $\tilde q$ runs over $q_t$ and the distractors, and $\kappa$ is the temperature of this softmax. One frame, two
# distractors, $\kappa = 0.5$ (in training 0.1):

# %%
c_t = torch.tensor([1.0, 0.0])
candidates = torch.tensor([[0.9, 0.3], [0.5, 0.8], [-0.2, 1.0]])  # the true code first
cosines = F.cosine_similarity(c_t, candidates, dim=1)
probability = (cosines / 0.5).softmax(0)
print("cosines      ", [round(x, 2) for x in cosines.tolist()])
print("probabilities", [round(x, 2) for x in probability.tolist()])
print(f"loss = -log of the first = {-probability[0].log():.2f}")

# %% exercise="16.loss"

# %% [markdown]
# Why from the same utterance? Within it voice and background noise are the same everywhere, so they do not help to tell the
# candidates apart. A distractor must never be the frame itself. And where a distractor has the same code, it is not wrong:
# it gets the logit $-\infty$, and is left out.

# %%
mask = span_mask(1, 16, 0.15, 3, torch.Generator().manual_seed(0))
others = sample_distractors(mask, 4, torch.Generator().manual_seed(0))
for place, drawn in zip(
    mask[0].nonzero().flatten().tolist(), others.tolist(), strict=True
):
    print(f"hidden frame {place:2}: distractors from {drawn}")

# %%
show_source(sample_distractors, masked_contrastive_loss)

# %% [markdown]
# ### A common mistake: the true code among its distractors
#
# Suppose that distractors are drawn from all hidden frames, the frame itself included. With $n$ hidden frames, a frame is
# among its $K$ distractors with probability $1 - (1 - 1/n)^K$:

# %%
some = span_mask(500, 64, 0.1, 5, torch.Generator().manual_seed(0))
n_hidden = some.sum(1).double()
itself = 1 - (1 - 1 / n_hidden) ** 15
print(f"hidden frames of an utterance: {n_hidden.mean():.0f}")
print(f"frames that are their own distractor: {100 * itself.mean():.0f} %")

# %% [markdown]
# Give 24 hidden frames different codes, and let every context vector *be* its code, a perfect answer. Predict the loss, with
# and without the frame itself among the distractors:

# %%
perfect = torch.randn(24, 64, generator=torch.Generator().manual_seed(0))
for title, start in [("15 others", 1), ("14 others and itself", 0)]:
    steps_ahead = torch.arange(24).unsqueeze(1) + torch.arange(start, start + 15)
    nothing_left_out = torch.zeros(24, 15, dtype=torch.bool)
    loss = masked_contrastive_loss(
        perfect, perfect, perfect[steps_ahead % 24], nothing_left_out
    )
    print(f"distractors: {title:20} loss {loss:.2f}")

# %% [markdown]
# Such a frame is punished for being right: the lowest possible loss is $\log 2$, no longer 0. (Where distractors with the
# code of the target are left out, as above, so is the frame itself, and the mistake costs only a few distractors.)

# %% [markdown]
# ## 7. The diversity loss
#
# The contrastive loss alone does not see to it that many codes are used. So a second loss does: the entropy of the *mean*
# probabilities $\bar p_g$ of each group should be large,
#
# $$ L_d = \frac{1}{G V} \Bigl( G V - \sum_{g=1}^{G} \exp H(\bar p_g) \Bigr) . $$
#
# $\exp H$ is a perplexity (lesson 02): how many codes are in use. Here are four frames and one group of four codes:

# %%
each_sure_of_another = torch.eye(4).unsqueeze(1)  # (frames, G, V)
all_sure_of_one = torch.eye(4)[[0, 0, 0, 0]].unsqueeze(1)
none_sure = torch.full((4, 1, 4), 0.25)
cases = {
    "each sure of another": each_sure_of_another,
    "all sure of one": all_sure_of_one,
    "none sure": none_sure,
}
for name, p in cases.items():
    print(f"{name:21} perplexity {code_perplexity(p):.0f}, loss {diversity_loss(p):.2f}")

# %% [markdown]
# The first and the third have the same loss; that each frame be sure of its code is left to the contrastive loss.

# %% exercise="16.diversity"

# %% [markdown]
# The whole loss is the mean of $L_t$ over the hidden frames plus $\alpha L_d$, with $\alpha = 0.1$ as in the paper. Each
# frame has 15 distractors here, 100 in the paper.

# %%
show_source(diversity_loss, Wav2Vec2.forward, Wav2Vec2.loss)

# %% [markdown]
# ## 8. Train
#
# 400 steps of 16 utterances. A guess at random among the true code and 15 distractors has the loss $\log 16$ (dashed).
# Watch the perplexity of the codes as well: if all 48 were used equally, it would be 48.

# %%
torch.manual_seed(0)
# the Gumbel temperature falls over the first 300 of the 400 steps
model = Wav2Vec2(steps=300, generator=torch.Generator().manual_seed(0))
untrained = copy.deepcopy(model).eval()
batches = Batches(utterances.waveforms, batch_size=16)
training = train_adamw(model.loss, model.parameters(), batches, epochs=4, lr=3e-3)


# %% tags=["drawing"]
# Prepares the picture that follows a training: contrastive loss, accuracy, perplexity
def training_picture(watched):
    def draw():
        figure, axes = subplots(columns=3, width=7, height=2.2)
        limits = {"contrastive": (0, 3.2), "accuracy": (0, 1), "perplexity": (0, 48)}
        for ax, (name, limit) in zip(axes, limits.items(), strict=True):
            ax.plot(
                [step[name] for step in watched.history], color=COLORS[0], linewidth=0.8
            )
            ax.set(title=name, xlabel="step", ylim=limit)
        axes[0].axhline(math.log(16), color=COLORS[4], linestyle="--")
        return figure

    return draw


# %%
run = watch(training, title="wav2vec 2.0", picture=training_picture(model))

# %% tags=["nbval-ignore-output"]
history = await run
model.eval()


def last(watched, name, n=50):
    return sum(step[name] for step in watched.history[-n:]) / n


print(f"log 16 = {math.log(16):.1f}")
for name, at_first in model.history[0].items():
    print(f"{name:12} at first {at_first:.1f}, at the end {last(model, name):.1f}")

# %% tags=["claim"]
# Checks that the training has learned and used its codes
claim("the contrastive loss ends below 2", lambda: last(model, "contrastive") < 2)
claim(
    "the longer training has 17 times as many steps",
    lambda: weights.card("speech")["steps"] // 400 == 17,
)
claim(
    "about two answers in five are right",
    lambda: 0.33 < last(model, "accuracy") < 0.47,
)
claim(
    "the perplexity ends about where it began",
    lambda: abs(last(model, "perplexity") - model.history[0]["perplexity"]) < 8,
)

# %% [markdown]
# The loss falls clearly below $\log 16$, and two answers in five are right, against one in sixteen by guessing. The
# perplexity ends about where it began. But it adds up the groups and does not see whether they choose alike: section 10
# counts the *pairs*.
#
# 400 steps are few. So the course also has a model of the same kind with 7,000, 17 times as many:

# %%
longer = weights.load("speech")
made = weights.card("speech")
print(made["command"])
print(f"{made['steps']:,} steps, {made['cpu_minutes']:.0f} minutes on one core")
print(f"4,000 utterances, {4000 * 1.28 / 60:.0f} minutes of speech")

# %% [markdown]
# ## 9. What if all frames get one code?

# %% exercise="16.collapse"

# %% [markdown]
# Try it: sixty steps at a very high learning rate, once with $\alpha = 2$, once with 0. (At this rate the usual 0.1 does not
# always prevent a collapse; try other weights.)


# %%
few = Batches(utterances.waveforms[:480], batch_size=16)


def wav2vec_with(diversity):
    torch.manual_seed(0)
    luck = torch.Generator().manual_seed(0)
    fresh_model = Wav2Vec2(steps=60, diversity=diversity, generator=luck)
    parameters = fresh_model.parameters()
    return fresh_model, train_adamw(fresh_model.loss, parameters, few, epochs=2, lr=0.05)


not_collapsed, training = wav2vec_with(2.0)
run = watch(training, title="weight 2", picture=training_picture(not_collapsed))

# %%
await run
collapsing, training = wav2vec_with(0.0)
run = watch(training, title="weight 0", picture=training_picture(collapsing))

# %% tags=["nbval-ignore-output"]
await run


def alarm(watched, n=10):
    loss, codes_in_use = last(watched, "contrastive", n), last(watched, "perplexity", n)
    return evaluate.codes_collapsed(loss, codes_in_use, groups=2)


for title, watched in [("weight 2", not_collapsed), ("weight 0", collapsing)]:
    for name in ("contrastive", "accuracy", "perplexity"):
        print(f"{title:10} {name:12} {last(watched, name, 10):.2f}")
    print(f"{title:10} {'ALARM: codes collapsed' if alarm(watched) else 'no alarm'}")

# %%
show_source(evaluate.codes_collapsed)

# %% tags=["claim"]
# Checks what collapse looks like, and that the alarm tells it
claim("the loss is 0", lambda: last(collapsing, "contrastive", 10) < 0.01)
claim("the accuracy is 1", lambda: last(collapsing, "accuracy", 10) > 0.99)
claim("two codes are left", lambda: last(collapsing, "perplexity", 10) < 2.1)
claim(
    "with the weight 2, more than 10 are",
    lambda: last(not_collapsed, "perplexity", 10) > 10,
)
claim(
    "only the collapsed training raises the alarm",
    lambda: alarm(collapsing) and not alarm(not_collapsed) and not alarm(model),
)

# %% [markdown]
# Collapse looks like success: loss 0, accuracy 1, and nothing was learned. All frames have the same code, so no distractor
# is left, and a choice among one candidate cannot be wrong. Contrastive loss 0 and perplexity 2 have been reported for a
# training with `transformers` (issue 14387). **A low contrastive loss means nothing without the perplexity beside it.**
#
# The run with weight 2 kept its codes, but at this rate it has hardly learned: its loss is still near $\log 16$. *No alarm
# is not success.*
#
# At the rate of section 8 collapse is less complete, and harder to see. Here are stored trainings of 200 steps on 640
# utterances. Their Gumbel temperature falls twice as fast: compare them with each other, not with section 8.

# %% tags=["drawing"]
# Draws the perplexity of stored trainings; choose the weight of the diversity loss
weighted = {name: points[0] for name, points in sweep("speech_diversity").items()}
weight_figure, weight_ax = subplots(width=6, height=2.6)
chosen = {}  # the thick line of each weight
for number, (name, point) in enumerate(weighted.items()):
    path = {int(key.split()[1]): y for key, y in point.items() if " " in key}
    look = {"color": COLORS[number], "linestyle": LINE_STYLES[number]}
    weight_ax.plot(*zip(*path.items(), strict=True), label=name, alpha=0.4, **look)
    (chosen[name],) = weight_ax.plot(
        *zip(*path.items(), strict=True), linewidth=3, **look
    )
weight_ax.axhline(2, color=COLORS[4], linewidth=1, linestyle="--")
weight_ax.text(200, 2.6, "one code in each group", ha="right", fontsize=8)
weight_ax.set(xlabel="step", ylabel="perplexity", ylim=(0, 48))
weight_ax.legend(title="weight", loc="center left", bbox_to_anchor=(1, 0.5))
freeze_layout(weight_figure, *chosen.values())


def draw_weight(name):
    for other, line in chosen.items():
        line.set_visible(other == name)
    point = weighted[name]
    return weight_figure, (
        f"Weight {name}: after 200 steps contrastive loss {point['contrastive']:.2f}, accuracy "
        f"{point['accuracy']:.2f}, perplexity {point['perplexity']:.1f} of 48."
    )


explore(draw_weight, name=stepped_slider("weight of diversity", list(weighted), "0.1"))

# %% tags=["claim"]
# Checks that without the diversity loss few codes are in use and the loss is lower
few_codes, usual = weighted["0"], weighted["0.1"]
claim("fewer than 12 codes are in use", lambda: few_codes["perplexity"] < 12)
claim(
    "yet loss and accuracy are better than with the usual weight",
    lambda: (
        few_codes["contrastive"] < usual["contrastive"]
        and few_codes["accuracy"] > usual["accuracy"]
    ),
)

# %% [markdown]
# Without the diversity loss a few codes share all the sounds, and loss and accuracy are *better*: fewer codes are an
# easier question. Whether they are worse codes, these figures cannot say.
#
# ## 10. Codes and phones
#
# Here are the codes of both groups above the spectrogram. Within a row equal colours are equal codes (some shades look
# alike); each group has a codebook of its own.

# %% tags=["drawing"]
# Draws unheard utterances with the codes of each frame; choose utterance and model
fresh = speech(100, seed=4)
fresh_bands = log_mel(fresh.waveforms)
all_codes = {
    "400 steps": model.codes(fresh.waveforms),
    "7,000 steps": longer.codes(fresh.waveforms),
}
code_figure, (code_ax, below_ax) = subplots(rows=2, width=7, height=3.6)
stripes = code_ax.imshow(
    all_codes["7,000 steps"][0].T,
    aspect="auto",
    cmap="nipy_spectral",
    interpolation="nearest",
    vmin=0,
    vmax=23,
)
code_ax.axhline(0.5, color="white", linewidth=4)
code_ax.set(yticks=[0, 1], yticklabels=["group 1", "group 2"], xticks=[])
plot_speech(fresh_bands[0], phones_of(fresh, 0), below_ax)
freeze_layout(code_figure)


def draw_codes(number, trained):
    codes = all_codes[trained][number]  # (T, 2)
    stripes.set_data(codes.T)
    plot_speech(fresh_bands[number], phones_of(fresh, number), below_ax)
    pairs = codes[:, 0] * 24 + codes[:, 1]
    changes = int((pairs[1:] != pairs[:-1]).sum())
    return code_figure, (
        f"{fresh.text(number)}: {len(pairs.unique())} different pairs of codes in 64 frames, {changes} changes "
        f"from frame to frame; the phone changes {int((fresh.phones[number][1:] != fresh.phones[number][:-1]).sum())} times."
    )


explore(
    draw_codes,
    number=slider("utterance", 0, 19, step=1, value=0),
    trained=choice("trained for", {name: name for name in all_codes}, "7,000 steps"),
)


# %% [markdown]
# The codes change several times as often as the phone, so a code is not a phone: one phone is written with several. But
# does a code tell which phone it belongs to? Count how often each pair of codes and each phone meet in a frame. From this
# table follow two measures:
#
# - the **mutual information** (lesson 02), the nats that a pair of codes tells about the phone;
# - the **purity**, the share of frames whose phone is the commonest of their pair.
#
# More clusters make both larger, even by chance. So the table has both for *shuffled* phones as well. The rivals are the
# untrained model, the collapsed one, and as many k-means clusters of log-mel spectra, found in 200 training utterances, as
# the model uses pairs.


# %%
def pair_numbers(wav2vec, data):
    """The pair of codes of every frame, numbered from 0."""
    codes = wav2vec.codes(data.waveforms)  # (N, T, 2)
    pairs = (codes[..., 0] * 24 + codes[..., 1]).flatten()
    return pairs.unique(return_inverse=True)[1]


def told(clusters, phones):
    joint = torch.bincount(
        clusters * 16 + phones, minlength=16 * (int(clusters.max()) + 1)
    )
    joint = joint.reshape(-1, 16).double()
    nats = evaluate.mutual_information(joint / joint.sum()).item()
    return nats, evaluate.cluster_purity(clusters, phones)


# %%
phones = fresh.phones.flatten()
clusters = {
    "untrained": pair_numbers(untrained, fresh),
    "collapsed": pair_numbers(collapsing, fresh),
    "400 steps": pair_numbers(model, fresh),
    "7,000 steps": pair_numbers(longer, fresh),
}
k = int(clusters["7,000 steps"].max()) + 1
spectra = log_mel(utterances.waveforms[:200]).flatten(0, 1)
kmeans = KMeans(k, starts=1, max_steps=10)
kmeans.fit(spectra, torch.Generator().manual_seed(0))
clusters["k-means"] = kmeans(fresh_bands.flatten(0, 1))

# %% tags=["nbval-ignore-output"]
shuffled = phones[torch.randperm(len(phones), generator=torch.Generator().manual_seed(0))]
agreement = {name: told(found, phones) for name, found in clusters.items()}
by_chance = {name: told(found, shuffled) for name, found in clusters.items()}
share_of_phones = phones.bincount().double() / len(phones)
print(f"entropy of the phones: {torch.special.entr(share_of_phones).sum():.2f} nats")
for name, (nats, pure) in agreement.items():
    used = int(clusters[name].max()) + 1
    luck_nats, luck_pure = by_chance[name]
    print(
        f"{name:11} {used:3} clusters: {nats:.2f} nats (shuffled {luck_nats:.2f}),",
        end=" ",
    )
    print(f"purity {100 * pure:.0f} % (shuffled {100 * luck_pure:.0f} %)")

# %% tags=["drawing"]
# Draws how often each code of the longer training meets each phone
heat_figure, heat_axes = subplots(columns=2, width=7.4, height=4)
heat_codes = longer.codes(fresh.waveforms).reshape(-1, 2)


def phones_given(group):
    """Of each code of the group, the shares of its frames that belong to each phone."""
    meetings = torch.bincount(heat_codes[:, group] * 16 + phones, minlength=24 * 16)
    table = meetings.reshape(24, 16).double()
    return table / table.sum(1, keepdim=True).clamp_min(1)


for group, ax in enumerate(heat_axes):
    given = phones_given(group)
    order = given.argmax(1).argsort()
    shades = ax.imshow(given[order], aspect="auto", cmap="viridis", vmin=0, vmax=1)
    ax.set_xticks(range(16), fresh.phone_names)
    ax.set(yticks=[], xlabel="phone", ylabel=f"codes of group {group + 1}")
heat_figure.colorbar(shades, ax=heat_axes[1], label="share of the code's frames")
show(
    heat_figure,
    alt="For each code of both groups, the share of its frames that belong to each phone. Codes are sorted by their "
    "commonest phone; about half have one to three phones, the others spread over many.",
)

# %% tags=["claim"]
# Checks what the text says of codes and clusters
told_nats = {name: agreement[name][0] - by_chance[name][0] for name in agreement}


def changes(found):
    """How often one of the numbers (N, T) is followed by another."""
    return (found[:, 1:] != found[:, :-1]).double().mean()


code_changes = changes(all_codes["7,000 steps"] @ torch.tensor([24, 1]))
claim(
    "most of what the untrained codes tell is chance, 0.4 nats, of which others have less",
    lambda: (
        abs(by_chance["untrained"][0] - 0.4) < 0.08
        and told_nats["untrained"] < agreement["untrained"][0] / 2
        and all(by_chance[n][0] < 0.3 for n in clusters if n != "untrained")
    ),
)
claim("collapsed codes tell nothing", lambda: agreement["collapsed"][0] < 0.01)
claim(
    "after 400 steps fewer than half as many pairs are in use",
    lambda: clusters["400 steps"].max() < clusters["untrained"].max() / 2,
)
claim(
    "without chance, 400 steps tell 0.5 nats more than none, and 7,000 0.2 more",
    lambda: (
        told_nats["400 steps"] > told_nats["untrained"] + 0.5
        and told_nats["7,000 steps"] > told_nats["400 steps"] + 0.2
    ),
)
a_of_1, a_of_2 = (
    rows[rows.argmax(1) == 1] for rows in (phones_given(0), phones_given(1))
)
claim(
    "in group 1 codes have above 0.9 of silence and above 0.9 of a; in group 2 a has o beside it",
    lambda: (
        (phones_given(0)[:, :2].amax(0) > 0.9).all()
        and a_of_1.amax() > 0.9
        and a_of_2[:, 4].min() > 0.1
        and a_of_2[:, 1].max() < 0.8
    ),
)
claim(
    "the codes change at least three times as often as the phones",
    lambda: code_changes > 3 * changes(fresh.phones),
)
phones_of_code = [  # how many phones have 80 % of its frames
    (phones_given(group).sort(1, descending=True)[0].cumsum(1) < 0.8).sum(1) + 1
    for group in (0, 1)
]
claim(
    "about half of the codes have one to three phones, in both groups",
    lambda: all(0.35 < (n <= 3).double().mean() < 0.75 for n in phones_of_code),
)
claim(
    "it and k-means differ by less than 0.15 nats",
    lambda: abs(told_nats["7,000 steps"] - told_nats["k-means"]) < 0.15,
)

# %% [markdown]
# With so many clusters for 6,400 frames even shuffled phones give 0.4 nats, most of what the untrained model seems to tell.
# The collapsed one tells nothing. Training leaves far fewer pairs, though the perplexity hardly fell: the groups have come
# to agree. Subtract what chance gives: training makes codes that tell more about the phones, and longer training better
# ones, though the network has seen no phone label. In group 1 silence and `a` have some codes almost of their own; in group
# 2 `a` shares its codes with `o`. Other vowels share codes, and so do the hisses.
#
# But as many clusters of plain log-mel spectra tell about as much. Ask for this control when you see such a heat map.
#
# ## 11. Does pretraining pay?
#
# Suppose that somebody has written down the phones of a few utterances, frame by frame. How well can phones then be
# recognised in new voices? Here are five ways:
#
# - **log-mel spectra**, a linear layer on the frame and its neighbours: no network at all;
# - **random encoder**: a linear layer on the untrained network;
# - **pretrained probe**: a linear layer on the pretrained network, which stays as it is, after the layer that was best on
#   validation (here the first of the transformer);
# - **fine-tuned**: all weights of the pretrained network are trained further;
# - **from scratch**: the same network, trained with the labels alone.
#
# %% exercise="16.forecast"

# %% [markdown]
# First the linear layers, with 10 labelled utterances. Silence does not count.

# %%
labelled, judged = speech(200, seed=1), speech(100, seed=2, voices=range(12, 24))
print("voices of the test:", sorted(set(judged.voices.tolist())))
commonest = (
    judged.phones[judged.phones != 0].bincount().amax() / (judged.phones != 0).sum()
)
print(f"always the commonest phone: {100 * commonest:.0f} % of the frames right")


@torch.no_grad()
def features(of, waveforms):
    if of == "log-mel":
        return spliced(log_mel(waveforms), 2)  # two neighbours on each side
    return of.encoder.context(of.encoder.latents(waveforms), depth=1)


# %% tags=["nbval-ignore-output"]
rows = torch.randperm(200, generator=torch.Generator().manual_seed(0))[:10]
first = {}
ways = {"log-mel spectra": "log-mel", "random encoder": untrained}
ways |= {"400 steps, probe": model, "7,000 steps, probe": longer}
for name, of in ways.items():
    known = features(of, labelled.waveforms[rows]).flatten(0, 1)
    answers, penalty = labelled.phones[rows].flatten(), 3e-3
    layer = evaluate.linear_classifier(known, answers, penalty)
    first[name] = evaluate.phone_accuracy(
        layer(features(of, judged.waveforms)).argmax(2), judged.phones
    )
    print(f"{name:18} {100 * first[name]:.0f} % of the frames")

# %% [markdown]
# And the two networks, with the steps and the rate that were best on validation utterances:

# %%
torch.manual_seed(100)
beginnings = {"fine-tuned": longer.encoder, "from scratch": SpeechEncoder()}
for name, beginning in beginnings.items():
    steps, lr = next(p for p in sweep("speech")[name] if p["labels"] == 10)["setting"]
    torch.manual_seed(0)
    recogniser = PhoneRecogniser(copy.deepcopy(beginning).train())
    few = Batches(labelled.waveforms[rows], labelled.phones[rows], batch_size=10)
    evaluate.train_for(steps, recogniser, few, lr)
    with torch.no_grad():
        guesses = recogniser.eval()(judged.waveforms).argmax(2)
    first[name] = evaluate.phone_accuracy(guesses, judged.phones)
    print(f"{name:16} {100 * first[name]:.0f} % of the frames, {steps} steps")

# %% tags=["claim"]
# Checks the order of the ways at 10 labelled utterances
claim(
    "7,000 steps are 8 points above 400, and those 15 above a random encoder",
    lambda: (
        first["7,000 steps, probe"] > first["400 steps, probe"] + 0.08
        and first["400 steps, probe"] > first["random encoder"] + 0.15
    ),
)
claim(
    "fine-tuning is 8 points above training from scratch",
    lambda: first["fine-tuned"] > first["from scratch"] + 0.08,
)
claim(
    "no way beats the log-mel spectra",
    lambda: max(first.values()) < first["log-mel spectra"] + 0.03,
)

# %% [markdown]
# Pretraining pays, and more pretraining pays more: the same network from scratch stays far behind. But the simplest control,
# log-mel spectra and a linear layer, has not been beaten.
#
# The stored curves have five numbers of labelled utterances and three draws of each: a line is the mean, a shade reaches
# from the worst draw to the best; dotted: always the commonest phone. *Minus log-mel* subtracts draw by draw. Steps of the
# networks, layer and penalty of the probes and the number of neighbours of the spectra were chosen on validation utterances,
# with the first draw. All stand on *one* pretraining; other seeds come below.
#
# *Words* are recognised from the same scores: where a word begins and ends is given, and the word of the lexicon whose
# phones fit best, one after another, is taken (Viterbi's algorithm, 1967). This needs no labels of words.

# %% tags=["drawing"]
# Draws accuracy against labelled utterances; choose frames, words or the lead
stored = sweep("speech")
names = ["fine-tuned", "pretrained probe", "log-mel", "from scratch", "random encoder"]
counts = sorted({point["labels"] for point in stored["log-mel"]})
curve_figure, curve_ax = subplots(width=7, height=3.4)


def curve(name, measure):
    """Accuracies (numbers of labels, draws); "ahead": of frames, minus that of log-mel."""
    if measure == "ahead":
        return curve(name, "phones") - curve("log-mel", "phones")
    points = stored[name]
    return torch.tensor(
        [[p[measure] for p in points if p["labels"] == n] for n in counts]
    )


drawn = {}  # lines and shades of each measure; those of one are visible
for measure in ["phones", "words", "ahead"]:
    drawn[measure] = []
    for number, name in enumerate(names):
        values, color = 100 * curve(name, measure), COLORS[number]
        look = {"color": color, "linestyle": LINE_STYLES[number], "marker": "o"}
        label = name if measure == "phones" else None
        drawn[measure] += curve_ax.plot(counts, values.mean(1), label=label, **look)
        ends = values.amin(1), values.amax(1)
        drawn[measure] += [curve_ax.fill_between(counts, *ends, color=color, alpha=0.2)]
here_line = curve_ax.axvline(10, color="0.7", linewidth=1)
floor = curve_ax.axhline(100 * commonest, color="0.5", linewidth=1, linestyle=":")
curve_ax.set(
    xscale="log", xlabel="labelled utterances", ylabel="right, %", ylim=(-60, 100)
)
curve_ax.set_xticks(counts, counts)
curve_ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
freeze_layout(curve_figure)


def draw_curves(measure, labels):
    here_line.set_xdata([labels, labels])
    for other, artists in drawn.items():
        for artist in artists:
            artist.set_visible(other == measure)
    difference, row = measure == "ahead", counts.index(labels)
    floor.set_visible(measure == "phones")
    label = "points ahead of log-mel" if difference else "right, %"
    curve_ax.set(ylim=(-55, 15) if difference else (0, 100), ylabel=label)
    said = [f"{n} {100 * curve(n, measure)[row].mean():.0f}" for n in names]
    return curve_figure, f"Labelled utterances: {labels}; {label}: {', '.join(said)}."


explore(
    draw_curves,
    measure=choice("of what",
                   {"frames": "phones", "words": "words", "frames, minus log-mel": "ahead"}),
    labels=stepped_slider("labelled utterances", counts, 10),
)  # fmt: skip

# %% tags=["claim"]
# Checks what the text says of the five curves
mean = {name: curve(name, "phones").mean(1) for name in names}
ahead = curve("fine-tuned", "phones") - curve("from scratch", "phones")
beyond_spectra = {  # of the means, at each number of labels
    way: curve(way, "phones").mean(1) - mean["log-mel"]
    for way in ("fine-tuned", "pretrained probe")
}


def in_draws(way, measure):
    return curve(way, measure) - curve("log-mel", measure)


claim(
    "with 3 to 30 labels fine-tuning is 10 points ahead of scratch in every draw",
    lambda: ahead[1:4].min() > 0.1,
)
claim("with 100 they differ by less than 3 points", lambda: ahead[4].mean().abs() < 0.03)
claim(
    "with one label both pretrained ways are ahead of the spectra in every draw",
    lambda: min(in_draws(way, "phones")[0].min() for way in beyond_spectra) > 0,
)
claim(
    "with ten the spectra are ahead in every draw, of frames and of words",
    lambda: (
        max(in_draws(w, m)[2].max() for w in beyond_spectra for m in ("phones", "words"))
        < 0
    ),
)
claim(
    "with 30 and 100 fine-tuning and spectra differ by less than 3 points",
    lambda: beyond_spectra["fine-tuned"][3:].abs().max() < 0.03,
)
claim(
    "from three on neither is ahead of the spectra by a point",
    lambda: max(way[1:].max() for way in beyond_spectra.values()) < 0.01,
)

# %% [markdown]
# - **Against the same network from scratch, pretraining pays**, by more than ten points with 3 to 30 labelled utterances, in
#   every draw. With 100 they hardly differ.
# - **Against log-mel spectra it hardly pays here.** With one labelled utterance both pretrained ways are ahead in every
#   draw, of frames, and with ten the spectra are, of frames and words. From three on pretraining is never clearly ahead.
#
# Read the curves the other way: how many labelled utterances does each rival need to be as good as fine-tuning?

# %%
for few_labels in (3, 10, 30):
    goal = mean["fine-tuned"][counts.index(few_labels)].item()
    scratch, spectra_need = (
        labels_needed(goal, torch.tensor(counts), mean[rival])
        for rival in ("from scratch", "log-mel")
    )
    print(f"fine-tuned with {few_labels:2}: {100 * goal:.0f} %.", end=" ")
    print(f"From scratch {scratch:.0f}, log-mel {spectra_need:.0f}")

# %% tags=["claim"]
# Checks what the text says of a label's worth and of new voices
goals = {n: mean["fine-tuned"][counts.index(n)].item() for n in (3, 10, 30)}
worth = [
    labels_needed(goal, torch.tensor(counts), mean["from scratch"]) / n
    for n, goal in goals.items()
]
claim(
    "about five with 3, below three with 30",
    lambda: 4.5 < worth[0] < 5.5 and worth[2] < 3,
)
harder = [
    (curve(name, "phones seen").mean(1) - curve(name, "phones").mean(1))[3]
    for name in names
]
claim("new voices are less than 3 points harder", lambda: max(harder) < 0.03)

# %% [markdown]
# Against training from scratch, a label counts for about five if there are 3, and for fewer than three if there are 30. (The
# test voices are new, but hardly more difficult than known ones.)
#
# ### What would have to change?
#
# The spectra have a head start: they were designed for speech, while the network began with samples. One suspect can be
# tried here: *more training*. Below is what ten labelled utterances give after 2, 7 and 28 passes
# over the same 4,000 utterances. Each mark is a pretraining with another seed.

# %% tags=["drawing"]
# Draws accuracy with ten labels against passes of pretraining, a mark for each seed
seeds = sweep("speech_pretraining")
LENGTHS = (2, 7, 28)


def with_ten(name, n):
    """Frames right in % of each seed, mean over the draws."""
    points = seeds[f"{name}, {n} passes"]
    return 100 * torch.tensor([p["phones"] for p in points]).reshape(-1, 3).mean(1)


pass_figure, pass_ax = subplots(width=6.4, height=3)
said = []
for number, name in enumerate(names[:2]):
    means = [with_ten(name, n).mean().item() for n in LENGTHS]
    look = {"color": COLORS[number], "linestyle": LINE_STYLES[number]}
    pass_ax.plot(LENGTHS, means, label=name, **look)
    for n in LENGTHS:
        of_seeds = with_ten(name, n)
        pass_ax.plot([n] * len(of_seeds), of_seeds, "os"[number], color=COLORS[number])
    said.append(f"{name} {', '.join(f'{x:.0f}' for x in means)} %")
rivals = {name: 100 * mean[name][2].item() for name in ("log-mel", "from scratch")}
for number, (name, value) in enumerate(rivals.items(), start=2):
    look = {"color": COLORS[number], "linestyle": LINE_STYLES[number]}
    pass_ax.axhline(value, label=name, **look)
pass_ax.set(xscale="log", xlabel="passes of pretraining", ylabel="frames right, %")
pass_ax.set_xticks(LENGTHS, LENGTHS)
pass_ax.minorticks_off()
pass_ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
show(
    pass_figure,
    alt="Frames right with ten labelled utterances after 2, 7 and 28 passes, mean of two or three seeds: "
    + "; ".join(said)
    + f". Log-mel spectra: {rivals['log-mel']:.0f} %, from scratch: {rivals['from scratch']:.0f} %.",
)

# %% tags=["claim"]
# Checks what the text says of more passes
by_passes = [torch.stack([with_ten(w, n)[:2] for n in LENGTHS]) for w in names[:2]]
claim(
    "every seed gains from 2 to 7 passes and from 7 to 28, both ways",
    lambda: min(of_way.diff(dim=0).min() for of_way in by_passes) > 1,
)
claim(
    "after 2 passes the seeds are 3 to 6 points apart, both ways",
    lambda: all(
        3 < with_ten(way, 2).max() - with_ten(way, 2).min() < 6 for way in names[:2]
    ),
)
claim(
    "after 28 passes both seeds stay 1.5 to 6 points below the spectra, both ways",
    lambda: all(
        1.5 < rivals["log-mel"] - value < 6
        for of_way in by_passes
        for value in of_way[2].tolist()
    ),
)
claim(
    "and are more than 15 points above training from scratch",
    lambda: min(of_way[2].min() for of_way in by_passes) > rivals["from scratch"] + 15,
)

# %% [markdown]
# More passes help, with every seed and both ways. The seed matters, too: after 2 passes three pretrainings are several
# points apart. After 28 both are far above training from scratch, and both still below the spectra, by two to five points.
# Whether more passes would close the gap, the figure cannot say.
#
# Another is *the input*: the network has to learn from samples what log-mel spectra give for nothing. One can pretrain on
# such spectra instead (w2v-BERT, [arXiv:2108.06209](https://arxiv.org/abs/2108.06209)). The other suspects need more
# computing: *how much* is heard, *how varied* it is, and *how large* the network is. Ours has two transformer layers, and
# heard 85 minutes of a synthesiser whose voices differ in two numbers.
#
# The paper shows the other end: 24 transformer layers and 960 hours of people reading. Its Table 3 makes our comparison on
# TIMIT, recordings whose phones were marked by hand. There wav2vec 2.0 gets 8.3 % of the phones wrong, and the best earlier
# network on designed features 14.9 %.
#
# So pretraining *can* beat designed features. Which of these changes does it, neither that table nor our figures say.
#
# ## 12. At full size
#
# The published model (Baevski et al., Table 1) was trained on 53,000 hours of recordings that nobody had transcribed.
# Fine-tuned with ten minutes of transcribed speech, and helped by a language model, it gets about one word in twenty wrong
# on clean recordings. There no frame has a label: the loss of fine-tuning, CTC, sums over all ways to align a transcription
# with the frames.
#
# Are codes needed? In the paper's comparison (Table 4) the word error rate is 7.97 % with codes as targets and continuous
# latents as inputs. It is 8.58 % without codes, and 12.18 % if the inputs are codes as well. HuBERT and WavLM replaced the
# contrastive loss by BERT's cross-entropy, on clusters that k-means finds, at first in spectral features.
#
# ## 13. Investigate: which ingredients matter?
#
# *open, about 40 minutes*
#
# **Vary** one ingredient in section 8 and train again: distractors (`distractors=5` or 30), span (`span_length=2` or 10,
# with `start_probability` changed so that as much is hidden), number of codes (`codes=8`), one group (`groups=1`), weight of
# the diversity loss (`diversity=0`). **Record** the mutual information of section 10 and the accuracy of the linear layer of
# section 11, beside loss and perplexity.
#
# A good answer
#
# - has three settings with two seeds each, and says which differences are larger than those between seeds;
# - does not rank the settings by their loss: fewer distractors or shorter spans are an easier question;
# - has log-mel spectra and k-means with as many clusters beside its figures;
# - ends with what would have to be tried on recorded speech before one believes it.

# %%
# your experiment

# %% [markdown]
# ## 14. Quiz

# %%
quiz("16")

# %% [markdown]
# ## What to remember
#
# - wav2vec 2.0 hides spans of latents and tells the true code from codes of other hidden frames of the same utterance.
# - The codes are learned with the rest. Gumbel noise draws them, and the gradient is that of a soft choice.
# - Without the diversity loss, all codes can become one: loss 0, accuracy 1, perplexity $G$. Always plot the perplexity,
#   and count the pairs.
# - Judge codes beside k-means of spectra with as many clusters, and features beside log-mel spectra: both are strong.
# - Here pretraining paid against the same network from scratch, and hardly against log-mel spectra. On recorded speech, with
#   hundreds of times as much of it, it beats such features too.
#
# ## References
#
# - Baevski, Zhou, Mohamed, Auli: wav2vec 2.0, a framework for self-supervised learning of speech representations. NeurIPS
#   2020, [arXiv:2006.11477](https://arxiv.org/abs/2006.11477)
# - Jang, Gu, Poole: Categorical reparameterization with Gumbel-softmax. ICLR 2017,
#   [arXiv:1611.01144](https://arxiv.org/abs/1611.01144)
# - Maddison, Mnih, Teh: The concrete distribution. ICLR 2017, [arXiv:1611.00712](https://arxiv.org/abs/1611.00712)
# - van den Oord, Li, Vinyals: Representation learning with contrastive predictive coding.
#   [arXiv:1807.03748](https://arxiv.org/abs/1807.03748)
# - Hsu et al.: HuBERT. [arXiv:2106.07447](https://arxiv.org/abs/2106.07447). Chen et al.: WavLM.
#   [arXiv:2110.13900](https://arxiv.org/abs/2110.13900)
# - Jégou, Douze, Schmid: Product quantization for nearest neighbor search. IEEE PAMI 2011.
# - Peterson, Barney: Control methods used in a study of the vowels. JASA 1952: the formants of our vowels.
# - Viterbi: Error bounds for convolutional codes. IEEE Transactions on Information Theory 1967.
#
# **Next:** [17 Label efficiency](17_label_efficiency.ipynb), which counts how many labels pretraining is worth on images.
