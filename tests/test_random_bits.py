import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.random_bits import Dice, random_bits, random_integers, random_order


def test_the_first_words_are_those_of_splitmix64_seeded_with_zero() -> None:
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]  # the authors' reference code
    assert [int(word) for word in random_bits(np.arange(3))] == published


def test_the_order_of_the_coordinates_matters() -> None:
    assert random_bits(1, 2) != random_bits(2, 1)
    assert random_bits(0, 1) != random_bits(1)


def test_a_place_has_the_same_bits_alone_and_in_an_array() -> None:
    together = random_bits(7, np.arange(100)[:, None], np.arange(5))
    assert together.shape == (100, 5)
    assert together[42, 3] == random_bits(7, 42, 3)[0]
    assert len(np.unique(together)) == 500


def test_keys_of_all_64_bits_are_told_apart() -> None:
    keys = np.array([2**64 - 1, 2**63, 2**63 - 1, 0], np.uint64)
    assert len(np.unique(random_bits(3, keys))) == 4


def test_every_bit_is_set_half_of_the_time() -> None:
    words = random_bits(5, np.arange(20_000))
    share = np.unpackbits(words.view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
    np.testing.assert_allclose(share, 0.5, atol=5 * 0.5 / np.sqrt(20_000))  # five standard deviations


@given(st.integers(1, 2**31 - 1), st.integers(0, 2**32))
def test_a_whole_number_is_below_its_bound(bound: int, seed: int) -> None:
    numbers = random_integers(random_bits(seed, np.arange(50)), np.array([bound]))
    assert numbers.dtype == np.int64
    assert ((numbers >= 0) & (numbers < bound)).all()


def test_the_largest_bits_give_the_largest_number() -> None:
    extremes = np.array([0, 2**64 - 1], np.uint64)
    assert random_integers(extremes, np.array([10])).tolist() == [0, 9]


def test_whole_numbers_are_uniform() -> None:
    counts = np.bincount(random_integers(random_bits(1, np.arange(60_000)), np.array([6])), minlength=6)
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 20.5  # chi-square of 5 degrees of freedom at 0.001


@pytest.mark.parametrize("size", [0, 1, 2, 1000])
def test_an_order_holds_everything_once(size: int) -> None:
    assert sorted(random_order(size, 3, 4)) == list(range(size))


def test_an_order_depends_on_each_coordinate_and_repeats() -> None:
    order = random_order(50, 3, 4)
    assert order.tolist() == random_order(50, 3, 4).tolist()
    assert order.tolist() != random_order(50, 3, 5).tolist()
    assert order.tolist() != random_order(50, 2, 4).tolist()
    assert order.tolist() != list(range(50))


def test_dice_are_those_of_the_published_generator() -> None:
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence((7, 1)))).random(5)
    assert Dice(7, 1).uniforms(5).tolist() == expected.tolist()
    assert Dice(7, 2).uniforms(5).tolist() != expected.tolist()


@given(st.integers(1, 50), st.integers(0, 2**32))
def test_dice_stay_in_their_range_and_shuffle_everything(count: int, seed: int) -> None:
    dice = Dice(seed)
    assert 0 <= dice.below(count) < count
    assert sorted(dice.order(count)) == list(range(count))
    assert 2.0 <= dice.uniform(2.0, 3.0) < 3.0
