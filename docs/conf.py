"""The site: the pages of this folder and the committed notebooks. tools/build_site.py calls Sphinx."""

import os

from docstrings import to_rst

project = author = "sslcourse"
html_title = "sslcourse"
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx_copybutton"]

exclude_patterns = ["generated"]

nb_execution_mode = "off"  # the committed outputs are the tested ones
nb_merge_streams = True
nb_number_source_lines = False
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
add_module_names = False

html_theme = "furo"
if repository := os.environ.get("SITE_REPOSITORY"):
    faults = f"{repository}/issues/new/choose"
    html_theme_options = {
        "footer_icons": [{"name": "faults", "url": faults, "html": "Report a fault", "class": ""}]
    }
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
mathjax_path = "tex-svg.js"  # one file without fonts: build_site.py puts it into _static
html_copy_source = html_show_sourcelink = html_use_index = html_domain_indices = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"


def docstring(app, what, name, obj, options, lines):
    of_a_field = lines[:1] and lines[0].startswith("Alias for field number")  # nobody wrote that
    lines[:] = [] if of_a_field else to_rst("\n".join(lines)).splitlines()


def heading_levels(app, pagename, templatename, context, doctree):
    """Screen readers need the level of a heading, which the captions of Furo's sidebar leave out."""
    tree = context["furo_navigation_tree"]
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')


def setup(app):
    app.connect("autodoc-process-docstring", docstring)
    app.connect("html-page-context", heading_levels, priority=900)  # after Furo
