"""The science of Noisescope: noise, attacks, networks and what is measured of them.

Conventions, the same in every module:

    images      float32 (N, C, H, W), values in [0, 1]; row, column order
    labels      int64 (N,)
    units       sigma in grey levels (0 to 255), photons per pixel at white, epsilon in [0, 1]
    randomness  comes in as a torch.Generator or is a `seed` field; nothing draws from a global stream
    clipping    a noise is not clipped; `evaluation.trial` clips once, before the model sees it
    losses      summed over the batch inside attacks, so an image never feels its neighbours
    gradients   torch.autograd.grad with respect to images, on a frozen model in eval mode
    complaints  `UserError`: one sentence for a person, saying what is wrong and what to do

This package never imports streamlit, app or pages.
"""


class UserError(Exception):
    """Say in one sentence what cannot be done and what to do instead; never shown with a traceback."""
