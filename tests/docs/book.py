"""Links of the built book: each leads to a file of the book, and to an element that there is."""

import html.parser
import pathlib
import urllib.parse


class Parser(html.parser.HTMLParser):
    """Names of the elements of a page, and its links."""

    def __init__(self):
        super().__init__()
        self.names, self.links = set(), set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.names |= {attributes[key] for key in ["id", "name"] if attributes.get(key)}
        self.links |= {attributes[key] for key in ["href", "src"] if attributes.get(key)}


def check(folder):
    """Returns the number of pages and links, and what is wrong with them."""
    pages = {}
    for path in sorted(folder.rglob("*.html")):
        pages[path] = Parser()
        pages[path].feed(path.read_text())
    problems, count = [], 0
    # The page for addresses that there are not, and the frame of the table of contents, are seen from elsewhere.
    for path, page in pages.items():
        if path.name in ["404.html", "toc.html"]:
            continue
        for link in sorted(page.links):
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            count += 1
            target = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            where = f"{path.relative_to(folder)} links to {link}"
            if not target.exists():
                problems.append(f"{where}, which does not exist")
            elif parts.fragment and target in pages and urllib.parse.unquote(parts.fragment) not in pages[target].names:
                problems.append(f"{where}, but nothing there has that name")
    return len(pages), count, problems


if __name__ == "__main__":
    print(*check(pathlib.Path("target/book").resolve())[2], sep="\n")
