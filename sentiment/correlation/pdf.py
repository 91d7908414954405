"""The report as PDF, through WeasyPrint (BSD licence): the extra ``pdf``."""

from __future__ import annotations

from sentiment.errors import OutputError

__all__ = ["to_pdf"]


def to_pdf(page: str) -> bytes:
    """A page as PDF. Nothing is fetched: the page holds all it needs.

    Raises:
        OutputError: WeasyPrint, or the library Pango it draws text with, is not installed.
    """
    try:
        from weasyprint import HTML
    except ImportError:
        raise OutputError(
            "PDF needs WeasyPrint; pip install 'conversation-sentiment[pdf]', "
            "or print the HTML report to a file"
        ) from None
    except OSError as error:  # its C library is not there
        what = str(error).partition(":")[0][:120]
        raise OutputError(
            f"PDF needs Pango ({what}); install it (Debian: apt-get install libpango-1.0-0 "
            "libpangoft2-1.0-0), or print the HTML report to a file"
        ) from None
    made: bytes = HTML(string=page, url_fetcher=_refuse).write_pdf()
    return made


def _refuse(url: str, *_: object, **__: object) -> object:
    raise ValueError(f"the report refers to {url}; it should hold all it needs")
