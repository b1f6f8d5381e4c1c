"""The HTTP side: the write API, the API of the page, the page, and who may do what."""
