"""Configuration of the documentation: ``make docs`` builds it, without the network."""

import os
import sys
import typing
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]
os.environ["TQDM_DISABLE"] = "1"  # progress bars have no place on a page
typing.GENERATING_DOCUMENTATION = "riemann_sampler"  # jaxtyping then shows Float[Tensor, "n dim"] without its module

import torch

import riemann_sampler

torch.set_num_threads(1)  # the same pages on every machine

project = "riemann_sampler"
author = project_copyright = "The riemann_sampler authors"
version = release = riemann_sampler.__version__

extensions = [
    "mathml",
    "myst_parser",
    "short_names",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "README.md", "**/GALLERY_HEADER.rst"]
nitpicky = True
nitpick_ignore_regex = [
    # Of other libraries: there is no network to look up where they are documented.
    ("py:.*", r"(abc|anndata|collections|datasets|imblearn|matplotlib|np|numpy|os|pandas|pythae|sklearn|torch)\..*"),
    ("py:.*", r"(dist|nn|typing)\..*"),
    ("py:class", r"Bool|Float|Int|Shaped|Tensor|ndarray|optional|'.*'"),  # in annotations by jaxtyping
    ("py:class", r"(Bool|Float|Int|Shaped)\[.*\]"),  # in aliases
    # In annotations, of modules that are nobody's to import.
    ("py:class", r"riemann_sampler\.(\w+\.)+\w+"),
]

# Markdown
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

# docstrings
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "py:obj"
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 88

# tutorials and pictures: scripts that are run
sphinx_gallery_conf = {
    "examples_dirs": ["tutorials", "explanation"],
    "gallery_dirs": ["auto_tutorials", "auto_explanation"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 0,
    "write_computation_times": False,  # their pages fetch scripts from the network
    "capture_repr": (),
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib",),
    "show_signature": False,
}

# pages
html_theme = "pydata_sphinx_theme"
html_title = "riemann_sampler"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 8,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
