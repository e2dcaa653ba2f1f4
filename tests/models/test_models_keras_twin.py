"""The CRNN against the same network in Keras 3 with the same weights: another library, another layout, other gates."""

import io
import os
from typing import Any

import numpy as np
import pytest
import torch

from songmood.models.crnn import CRNN, build_crnn

NUM_TAGS, NUM_FEATURES, FRAMES, WIDTH = 56, 22, 1366, 32
FILTERS, POOLS = (64, 128, 128, 128), ((2, 2), (3, 3), (4, 4), (4, 4))


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Any:
    os.environ["KERAS_BACKEND"] = "torch"
    os.environ["KERAS_HOME"] = str(tmp_path_factory.mktemp("keras"))
    keras = pytest.importorskip("keras", reason="needs keras, of the test extra")
    # Its log handler closes its stream when logging is configured anew, unless that is sys.stderr then: here it is what
    # pytest captures by, and the next Hydra run in a test with `capsys` would end that for good.
    import absl.logging

    absl.logging.get_absl_handler().python_handler.stream = io.StringIO()
    return keras


def keras_network(keras: Any, *, head: str, attention: bool, fusion: bool) -> Any:
    """The network as the facts about the paper tell it, in Keras' own layers; probabilities out."""
    layers = keras.layers
    mel = keras.Input((96, FRAMES, 1))
    features = keras.Input((NUM_FEATURES,))
    maps = layers.ZeroPadding2D(((0, 0), (37, 37)))(mel)
    for filters, pool in zip(FILTERS, POOLS, strict=True):
        maps = layers.Conv2D(filters, 3, padding="same")(maps)
        maps = layers.BatchNormalization()(maps)
        maps = layers.ELU()(maps)
        maps = layers.MaxPooling2D(pool)(maps)
        maps = layers.Dropout(0.1)(maps)
    steps = layers.Reshape((15, 128))(maps)
    states = layers.GRU(WIDTH, return_sequences=True, **gates(keras, head))(steps)
    states = layers.GRU(WIDTH, return_sequences=attention, **gates(keras, head))(states)
    if attention:
        weights = layers.Softmax(axis=1)(layers.Dense(1, name="attention")(states))
        vector = layers.Reshape((WIDTH,))(layers.Dot(axes=1)([states, weights]))
    else:
        vector = states
    if head == "paper":
        vector = layers.Concatenate()([vector, features]) if fusion else vector
        vector = layers.Dropout(0.3)(layers.Dense(128, activation="tanh", name="hidden")(vector))
    else:
        vector = layers.Dropout(0.3)(vector)
        if fusion:
            opinion = layers.Dense(NUM_TAGS, activation="sigmoid", name="opinion")(vector)
            vector = layers.Concatenate()([opinion, features])
            vector = layers.Dense(128, activation="tanh", name="hidden")(vector)
    scores = layers.Dense(NUM_TAGS, activation="sigmoid", name="out")(vector)
    return keras.Model([mel, features] if fusion else [mel], scores)


def gates(keras: Any, head: str) -> dict[str, Any]:
    """What TensorFlow 1.14 took without being told, and what PyTorch always does."""
    if head == "published":
        ops = keras.ops  # Keras 3's own hard_sigmoid is another, relu6(x + 3) / 6
        return {"reset_after": False, "recurrent_activation": lambda x: ops.clip(0.2 * x + 0.5, 0, 1)}
    return {"reset_after": True}


def randomise(model: Any, rng: np.random.Generator) -> None:
    """New values for every weight, moving statistics included, of a size that keeps the scores apart."""
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            if weight.name == "moving_variance":
                values.append(rng.uniform(0.5, 2.0, weight.shape))
            elif weight.name == "gamma":
                values.append(rng.normal(0.0, 1.0, weight.shape))  # both signs
            else:
                fan = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 4
                values.append(rng.normal(0.0, 1.0, weight.shape) / np.sqrt(fan))
        layer.set_weights(values)


def transferred(model: Any) -> dict[str, torch.Tensor]:
    """The Keras network's weights under our names."""
    state: dict[str, Any] = {}
    kinds = {kind: [x for x in model.layers if type(x).__name__ == kind] for kind in ("Conv2D", "GRU", "Dense")}
    norms = [x for x in model.layers if type(x).__name__ == "BatchNormalization"]
    for index, (conv, norm) in enumerate(zip(kinds["Conv2D"], norms, strict=True)):
        kernel, bias = weights_of(conv)
        gamma, beta, mean, variance = weights_of(norm)
        state[f"blocks.{index}.conv.weight"] = kernel.transpose(3, 2, 0, 1)
        state[f"blocks.{index}.norm.weight"] = gamma
        state[f"blocks.{index}.norm.bias"] = beta
        state[f"blocks.{index}.norm.running_mean"] = mean - bias  # batch norm takes the bias away
        state[f"blocks.{index}.norm.running_var"] = variance
        state[f"blocks.{index}.norm.num_batches_tracked"] = np.int64(0)
    for index, gru in enumerate(kinds["GRU"]):
        kernel, recurrent, bias = weights_of(gru)
        if gru.reset_after:
            biases = gates_reordered(bias)
            state[f"recurrent.gru.weight_ih_l{index}"] = gates_reordered(kernel).T
            state[f"recurrent.gru.weight_hh_l{index}"] = gates_reordered(recurrent).T
            state[f"recurrent.gru.bias_ih_l{index}"], state[f"recurrent.gru.bias_hh_l{index}"] = biases
        else:
            parts = {"weight_ih": kernel.T, "weight_hh": recurrent.T, "bias": bias}
            state |= {f"recurrent.layers.{index}.{name}": value for name, value in parts.items()}
    names = {"attention": "time_pooling.score", "hidden": "head.hidden", "opinion": "head.opinion.out"}
    for dense in kinds["Dense"]:
        kernel, bias = weights_of(dense)
        state[f"{names.get(dense.name, 'head.out')}.weight"] = kernel.T
        if dense.name != "attention":  # softmax cancels that bias
            state[f"{names.get(dense.name, 'head.out')}.bias"] = bias
    return {key: torch.as_tensor(np.array(value)) for key, value in state.items()}


def weights_of(layer: Any) -> list[np.ndarray]:
    return [weight.value.detach().numpy() for weight in layer.weights]


def gates_reordered(weights: np.ndarray) -> np.ndarray:
    """Keras' order of gates z, r, h as PyTorch's r, z, n, along the last axis."""
    update, reset, new = np.split(weights, 3, axis=-1)
    return np.concatenate([reset, update, new], axis=-1)


def ours(model: Any, **settings: Any) -> CRNN:
    net = build_crnn(NUM_TAGS, NUM_FEATURES, **settings)
    statistics = {key: value for key, value in net.state_dict().items() if key.startswith("standardiser.")}
    net.load_state_dict(transferred(model) | statistics)  # identity: the Keras network takes standardised features
    return net.eval()


@pytest.mark.parametrize("fusion", [False, True], ids=["mel", "fusion"])
@pytest.mark.parametrize("attention", [False, True], ids=["last", "attention"])
@pytest.mark.parametrize("head", ["published", "paper"])
def test_scores_equal_those_of_the_same_network_in_keras(keras: Any, head: str, attention: bool, fusion: bool) -> None:
    rng = np.random.default_rng(7)
    model = keras_network(keras, head=head, attention=attention, fusion=fusion)
    randomise(model, rng)
    net = ours(model, head=head, attention=attention, fusion=fusion)
    mel = two_windows(rng)
    features = rng.normal(0.0, 1.0, (2, NUM_FEATURES)).astype(np.float32)

    with torch.no_grad():
        inputs = [mel[..., None], features] if fusion else [mel[..., None]]
        expected = model(inputs, training=False).detach().numpy()
        scores = net(torch.from_numpy(mel)[:, None], torch.from_numpy(features)).sigmoid().numpy()

    assert np.ptp(expected, axis=0).mean() > 0.01  # the two windows' scores differ: the comparison can fail
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(logit(scores), logit(expected), rtol=0, atol=2e-3)


def two_windows(rng: np.random.Generator) -> np.ndarray:
    """(2, 96, frames) of dB, in patches of 16 bands by 100 frames, so that the windows sound unlike each other."""
    patches = rng.normal(-40.0, 25.0, (2, 6, 14)).repeat(16, axis=1).repeat(100, axis=2)[..., :FRAMES]
    noisy: np.ndarray = (patches + rng.normal(0.0, 5.0, patches.shape)).astype(np.float32)
    return noisy


def logit(scores: np.ndarray) -> np.ndarray:
    values = scores.astype(np.float64)
    return np.log(values / (1 - values))
