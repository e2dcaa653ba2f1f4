"""The MTG-Jamendo data set: fetched from its mirrors, checked, and streamed into one cache."""
