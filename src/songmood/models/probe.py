"""A probe: layers on a vector that is known of each track, such as another model's embedding; the music is not heard.

The journey of a batch, with vectors of 1,024 numbers:

    vectors, standardised     (B, 1024)
    Dense, ReLU, dropout      (B,  512)
    Dense, ReLU, dropout      (B,  256)
    Dense                     (B,    L)   logits

So it has 670,520 parameters for 56 tags. Its receptive field is whatever the vector's model heard. With
``data.window=1`` no more of the spectrograms is read than must be.

Source: the layers of Music2Emo (Kang and Herremans, 2025) on frozen MERT embeddings.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from songmood.errors import ConfigError
from songmood.models.parts.features import FeatureStandardiser
from songmood.models.parts.settings import require_counts, require_dropouts

NO_VECTORS = (
    "model=probe, but the tracks of this corpus have no features: bring vectors with corpus.features_from=FILE, or "
    "take a corpus with features"
)


class Probe(nn.Module):
    """The network, with PyTorch's starting weights; see the module's docstring.

    Args:
        num_tags: L.
        num_features: F, the numbers of a vector.
        hidden: units of each layer before the last; none for a linear probe.
        dropout: after each of those.

    Raises:
        ConfigError: a value is impossible, or there are no features.
    """

    min_frames = 1  # of a window that is left aside
    uses_features = True

    def __init__(
        self, num_tags: int, num_features: int = 0, *, hidden: Sequence[int] = (512, 256), dropout: float = 0.3
    ) -> None:
        require_counts(num_tags=num_tags, **{f"hidden[{place}]": units for place, units in enumerate(hidden)})
        require_dropouts(dropout=dropout)
        if num_features < 1:
            raise ConfigError(NO_VECTORS)
        super().__init__()
        self.standardiser = FeatureStandardiser(num_features)
        widths = [num_features, *hidden]
        layers: list[nn.Module] = []
        for before, after in zip(widths, hidden, strict=False):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], num_tags))

    def forward(self, mel: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (B, L) of vectors (B, F), NaN where absent; windows are left aside."""
        if features is None:
            raise ValueError("a probe hears nothing: it needs the features of each track")
        logits: Tensor = self.layers(self.standardiser(features))
        return logits
