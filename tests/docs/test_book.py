"""The checks of the book find what they are there for."""

import pathlib
import tempfile
import unittest

import book


class Links(unittest.TestCase):
    def test_links_without_a_page_or_a_name_are_found(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "a.html").write_text('<a href="b.html#here">1</a> <a href="https://example.org/x">2</a> <a href="#top">3</a>')
            (folder / "b.html").write_text('<h1 id="here">B</h1> <img src="c.png"> <a href="a.html#there">4</a>')
            pages, links, problems = book.check(folder)
        self.assertEqual((pages, links), (2, 4))
        self.assertEqual(problems, ["a.html links to #top, but nothing there has that name",
                                    "b.html links to a.html#there, but nothing there has that name",
                                    "b.html links to c.png, which does not exist"])


if __name__ == "__main__":
    unittest.main()
