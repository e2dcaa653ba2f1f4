"""The paper's starting weights, which are Keras' defaults."""

from torch import nn

from songmood.models.parts.recurrent import PublishedGRU


def initialise_like_keras(net: nn.Module) -> None:
    """Draw new weights: Glorot-uniform kernels, orthogonal recurrent kernels, zero biases.

    A GRU layer's recurrent kernel is one orthogonal matrix for its three gates together, and so is its Glorot range.
    Source: the defaults of keras.layers.Conv2D, Dense and GRU.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.GRU | PublishedGRU):
            for name, parameter in module.named_parameters(recurse=False):
                if name.startswith("bias"):
                    nn.init.zeros_(parameter)
                elif name.startswith("weight_hh"):
                    nn.init.orthogonal_(parameter)
                else:
                    nn.init.xavier_uniform_(parameter)
