from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.loaders import load
from knowledge.pages import Page, Skipped


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def page_of(path: Path) -> Page:
    (page,) = load([path])
    assert isinstance(page, Page), page
    return page


def texts(page: Page) -> list[tuple[str, str]]:
    return [(section.heading, block.text) for section in page.sections for block in section.blocks]


def reason(path: Path) -> str:
    (skipped,) = load([path])
    assert isinstance(skipped, Skipped), skipped
    assert skipped.path == path
    return skipped.reason


class TestFolders:
    def test_sources_are_relative_and_in_order(self, tmp_path: Path) -> None:
        for name in ("b.md", "a/c.txt", ".hidden.md", ".git/x.md", "logo.png", "a/z.HTML"):
            write(tmp_path / name, "Text.")
        pages = list(load([tmp_path]))
        assert [page.source for page in pages if isinstance(page, Page)] == [
            "b.md",
            "a/c.txt",
            "a/z.HTML",
        ]
        assert len(pages) == 3

    def test_a_folder_without_documents_is_named(self, tmp_path: Path) -> None:
        write(tmp_path / "logo.png", b"\x89PNG")
        assert "holds no document" in reason(tmp_path)

    def test_a_folder_that_cannot_be_read_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path / "a.md", "Text.")
        closed = write(tmp_path / "closed" / "b.md", "Text.").parent
        scandir = os.scandir

        def refuse(path: str) -> Iterator[os.DirEntry[str]]:
            if Path(path) == closed:
                raise PermissionError(13, "Permission denied", str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)
        page, skipped = load([tmp_path])
        assert isinstance(page, Page)
        assert skipped == Skipped(closed, "permission denied")


class TestBadFiles:
    def test_the_rest_goes_in(self, tmp_path: Path) -> None:
        good = write(tmp_path / "good.md", "Fine.")
        found = list(load([tmp_path / "missing.md", good, write(tmp_path / "bad.pdf", "no")]))
        assert [type(one) for one in found] == [Skipped, Page, Skipped]

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("empty.md", b"", "empty file"),
            ("blank.md", b" \n\n", "no text"),
            ("heading.md", b"# Only a title\n", "no text"),
            ("photo.jpg", b"\xff\xd8", "unknown ending '.jpg'"),
            ("noending", b"text", "unknown ending ''"),
            ("binary.md", bytes(range(256)) * 9, "neither UTF-8"),
            ("nuls.txt", b"a\0b\0c\0", "a binary file"),
            ("latin.txt", "Rückgabe für Schuhe: größer".encode("cp1252"), "save it as UTF-8"),
            ("odd.txt", b"\xff\xfea\0b", "neither UTF-8"),
            ("broken.pdf", b"%PDF-1.7\nnothing", "broken file"),
            ("text.pdf", b"just text", "broken file"),
            ("broken.docx", b"PK\x03\x04nothing", "not a Word document"),
            ("text.docx", b"just text", "not a Word document"),
            ("bad.csv", b'question,answer\n"open', "not a CSV table"),
            ("blank.csv", b"\n\n", "no rows"),
            ("blank.html", b"<script>x()</script>", "no text"),
        ],
    )
    def test_is_named_with_a_reason(
        self, tmp_path: Path, name: str, content: bytes, said: str
    ) -> None:
        assert said in reason(write(tmp_path / name, content))

    def test_missing(self, tmp_path: Path) -> None:
        assert reason(tmp_path / "missing.md") == "no such file"

    def test_not_a_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.md")
        assert reason(tmp_path / "pipe.md") == "not a file"

    def test_unreadable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(path))

        file = write(tmp_path / "a.md", "Text.")
        monkeypatch.setattr(Path, "read_bytes", refuse)
        assert reason(file) == "permission denied"

    @pytest.mark.parametrize("ending", ["md", "txt", "html", "csv"])
    def test_a_megabyte_on_one_line(self, tmp_path: Path, ending: str) -> None:
        page = page_of(write(tmp_path / f"long.{ending}", "word " * 200_000))
        assert sum(len(text) for _, text in texts(page)) > 900_000


class TestText:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
    def test_encodings(self, tmp_path: Path, encoding: str) -> None:
        said = "退货政策：收到商品后30天内可以退货。"
        assert texts(page_of(write(tmp_path / "a.txt", said.encode(encoding)))) == [("", said)]

    def test_stray_nuls_and_line_ends_of_elsewhere(self, tmp_path: Path) -> None:
        page = page_of(write(tmp_path / "a.txt", b"One\0.\r\n\r\nTwo, " + b"and on " * 50 + b"."))
        assert texts(page)[0] == ("", "One.")

    def test_title_from_the_first_line_or_the_name(self, tmp_path: Path) -> None:
        titled = page_of(write(tmp_path / "a.txt", "Gift cards\n\nThey last."))
        assert (titled.title, texts(titled)) == ("Gift cards", [("", "They last.")])
        assert page_of(write(tmp_path / "return-costs.zh.txt", "Free.")).title == "return costs"


def test_markdown(tmp_path: Path) -> None:
    page = page_of(write(tmp_path / "a.md", "---\nx: 1\n---\n# Title\n\n## Head\nText\nof it."))
    assert (page.title, texts(page)) == ("Title", [("Head", "Text of it.")])


class TestHtml:
    def test_what_a_reader_sees(self, tmp_path: Path) -> None:
        html = """<html><head><title>Shop</title><style>p {}</style></head><body>
        <nav>Home<form><button>Go</button></form></nav><main><header><h1>Returns</h1></header>
        <p>You  can<br>return
        <b>it</b>.</p><!-- no --><h2>Shoes</h2><div>Loose <p>inner</p></div>
        <ul><li>one<ul><li>deep</li></ul></li><li><p>two</p><p>parts</p></li></ul><ol><li>go</li><li>on</li></ol>
        <table><tr><th>Way</th><th>Days</th></tr><tr><td>Post</td><td><p>3</p></td></tr></table>
        <dl><dt>Who?</dt><dd>We.</dd></dl><script>bad()</script></main><footer>(c)</footer></body>"""
        page = page_of(write(tmp_path / "a.html", html))
        assert page.title == "Returns"
        assert texts(page) == [
            ("", "You can\nreturn it."),
            ("Shoes", "Loose"),
            ("Shoes", "inner"),
            ("Shoes", "- one\n  - deep\n- two parts"),
            ("Shoes", "1. go\n2. on"),
            ("Shoes", "Way | Days\nPost | 3"),
            ("Shoes", "Who?\nWe."),
        ]

    def test_a_fragment(self, tmp_path: Path) -> None:
        page = page_of(write(tmp_path / "gift-cards.htm", "They <i>last</i> &amp; last."))
        assert (page.title, texts(page)) == ("gift cards", [("", "They last & last.")])

    def test_a_list_without_end(self, tmp_path: Path) -> None:
        page = page_of(write(tmp_path / "a.html", "<ol>" + "<li>go</li>" * 5_000 + "</ol>"))
        assert texts(page)[0][1].endswith("\n5000. go")

    def test_nested_beyond_reason(self, tmp_path: Path) -> None:
        page = page_of(write(tmp_path / "a.html", "<div>" * 5_000 + "deep"))
        assert texts(page) == [("", "deep")]


class TestTables:
    @pytest.mark.parametrize(
        "table",
        [
            'question,answer\nCan I?,"Yes, you can."\n',
            'Answer;Tag;Question\n"Yes, you can.";x;Can I?\n',
            "问题\t答案\nCan I?\tYes, you can.\n",
            "﻿Q|A\r\nCan I?|Yes, you can.\r\n||\r\n",
        ],
    )
    def test_questions_and_answers(self, tmp_path: Path, table: str) -> None:
        assert texts(page_of(write(tmp_path / "faq.csv", table))) == [("Can I?", "Yes, you can.")]

    def test_rows_as_text(self, tmp_path: Path) -> None:
        page = page_of(write(tmp_path / "stores.csv", "City,Opens\nUtrecht,9\nGent,\n"))
        assert texts(page) == [("", "City: Utrecht | Opens: 9"), ("", "City: Gent")]
        page = page_of(write(tmp_path / "plain.csv", "Utrecht,9\nGent,10\n"))
        assert texts(page) == [("", "Utrecht | 9"), ("", "Gent | 10")]


class TestJsonLines:
    def test_a_document_a_line(self, tmp_path: Path) -> None:
        lines = [{"id": "r1", "title": "Returns", "text": "30 days."}, {"id": 7, "text": "Free."}]
        file = write(tmp_path / "a.jsonl", "\n\n".join(map(json.dumps, lines)))
        first, second = load([file])
        assert isinstance(first, Page)
        assert isinstance(second, Page)
        assert (first.source, first.title, texts(first)) == ("r1", "Returns", [("", "30 days.")])
        assert (second.source, second.title) == ("7", "7")

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("{not json", "not JSON"),
            ("[1]", "not a JSON object"),
            pytest.param("[" * 100_000, "not JSON", id="nested"),
            ('{"text": "x"}', "`id` is None"),
            ('{"id": true, "text": "x"}', "`id` is True"),
            ('{"id": "a", "text": 3}', "`text` has to be a string"),
            ('{"id": "a", "text": " "}', "`text` has to be a string"),
        ],
    )
    def test_a_bad_line_is_named(self, tmp_path: Path, line: str, said: str) -> None:
        good = '{"id": "ok", "text": "Fine."}'
        first, skipped, last = load([write(tmp_path / "a.jsonl", f"{good}\n{line}\n{good}")])
        assert isinstance(first, Page)
        assert isinstance(last, Page)
        assert isinstance(skipped, Skipped)
        assert skipped.reason.startswith(f"line 2: {said}")


def pdf(*pages: str) -> bytes:
    """The smallest PDF with these lines of text."""
    kids = " ".join(f"{4 + 2 * place} 0 R" for place in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for place, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * place} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    body = "%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    size = len(objects) + 1
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode()


class TestPdf:
    def test_text_by_page(self, tmp_path: Path) -> None:
        one = page_of(write(tmp_path / "repair-terms.pdf", pdf("Repairs take two weeks.")))
        assert (one.title, texts(one)) == ("repair terms", [("", "Repairs take two weeks.")])
        two = page_of(write(tmp_path / "two.pdf", pdf("First.", "Second.")))
        assert texts(two) == [("p. 1", "First."), ("p. 2", "Second.")]

    def test_only_pictures(self, tmp_path: Path) -> None:
        assert reason(write(tmp_path / "scan.pdf", pdf(""))) == "no text in it, only pictures"

    def test_a_password(self, tmp_path: Path) -> None:
        from pypdf import PdfReader, PdfWriter

        writer = PdfWriter(clone_from=PdfReader(write(tmp_path / "open.pdf", pdf("Secret."))))
        writer.encrypt("swordfish", algorithm="RC4-128")
        writer.write(tmp_path / "locked.pdf")
        assert reason(tmp_path / "locked.pdf") == "locked with a password"


def test_docx(tmp_path: Path) -> None:
    import docx

    document = docx.Document()
    document.add_heading("Warranty", 0)
    document.add_paragraph("Two years.")
    document.add_heading("Lamps", 1)
    document.add_paragraph("bulbs", style="List Bullet")
    document.add_paragraph("cords", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Part", "Years", "Shade", "5"), strict=True):
        cell.text = text
    document.save(str(tmp_path / "a.docx"))
    page = page_of(tmp_path / "a.docx")
    assert page.title == "Warranty"
    assert texts(page) == [
        ("", "Two years."),
        ("Lamps", "- bulbs\n- cords"),
        ("Lamps", "Part | Years\nShade | 5"),
    ]
