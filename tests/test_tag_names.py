from songmood.tag_names import short_names


def test_a_tag_is_shown_without_its_category() -> None:
    assert short_names(["mood/theme---happy", "genre---rock"]) == ("happy", "rock")


def test_tags_that_would_read_the_same_are_shown_in_full() -> None:
    tags = ["mood/theme---dark", "genre---dark", "genre---rock"]
    assert short_names(tags) == ("mood/theme---dark", "genre---dark", "rock")


def test_a_tag_without_a_category_or_a_name_stays_as_it_is() -> None:
    assert short_names(["calm", "mood/theme---"]) == ("calm", "mood/theme---")
