"""Progress bars for whatever takes more than two seconds; the environment variable TQDM_DISABLE=1 silences them."""

from functools import partial

from tqdm import tqdm

__all__ = ["progress_bar"]

progress_bar = partial(tqdm, delay=2, leave=False)
