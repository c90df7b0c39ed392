"""The console as a web application: pages, JSON, and what every answer carries; only reading, only GET and HEAD."""

import argparse
import logging
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aggregates.store import StoreFailed
from console import api
from console.alerting import alerts, quarter_text
from console.evidence import evidence
from console.overview import overview
from console.question import Question, WrongQuestion
from console.reader import Reader
from console.refusals import refusals
from console.renewal import CHANGES, quarterly
from console.tieouts import TIE_COLUMNS
from projections.views import Figures
from puhui.admission import may_ask
from puhui.policy.periods import moment_at

_HERE: Final = Path(__file__).parent
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; script-src 'none'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Server": "puhui",
}
_SAID: Final = {
    400: ("请求有误", "请检查地址中的参数。"),
    401: ("未经授权", "请出示访问令牌（Authorization: Bearer …）。"),
    404: ("没有这个页面", "地址有误，或该记录不存在。"),
    405: ("不支持这种请求", "本页面只供查阅。"),
    500: ("页面出错", "程序出错，已记入日志；数据不受影响。"),
    503: ("暂时无法读取数据", "数据库暂时读不到，请稍后再试；数据不受影响。"),
}
_COLOURS: Final = {"P1": "red", "P2": "orange", "P3": "yellow", "P4": "blue"}
_MARKS: Final = {"production": "", "demo": "", "drill": "演练环境", "test": "测试环境"}
_READER: Final = web.AppKey("reader", Reader)
_PAGES: Final = web.AppKey("pages", Environment)
_ENVIRONMENT: Final = web.AppKey("environment", str)
_TOKEN: Final = web.AppKey("token", str)
_STYLE: Final = _HERE / "static" / "puhui.css"
_STYLE_VERSION: Final = blake2b(_STYLE.read_bytes(), digest_size=8).hexdigest()
"""Stands in the style's address, so that a browser that keeps it has the new one after an upgrade."""
_LOG: Final = logging.getLogger(__name__)
_NOTHING: Final = ("尚无数据", "还没有受理任何事件；受理后本页即有数字。已收到而未受理的见“退回与挂起”。")
T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def site(store: str, environment: str, token: str = "") -> web.Application:
    """The application over the store at this address; the environment decides what every page is marked with.

    With a token, every request must show it.
    """
    app = web.Application(middlewares=[_failures, _admission], client_max_size=1024)
    app[_TOKEN] = token
    app[_READER] = Reader(store)
    app[_PAGES] = _templates(environment)
    app[_ENVIRONMENT] = environment
    app.on_response_prepare.append(_secure)
    app.on_cleanup.append(_close)
    app.router.add_get("/", _overview)
    app.router.add_get("/renewal", _renewal)
    app.router.add_get("/alerts", _alerts)
    app.router.add_get("/alerts/{rule}/{subject}/{period:.+}", _alert)
    app.router.add_get("/refused", _refused)
    app.router.add_get("/api/figures", _api_figures)
    app.router.add_get("/api/alerts", _api_alerts)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/static/puhui.css", _style)
    return app


def _templates(environment: str) -> Environment:
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.globals.update(
        demo=environment == "demo", environment=_MARKS.get(environment, environment), style=_STYLE_VERSION
    )
    found.filters.update(
        instant=lambda at: f"{moment_at(at):%Y-%m-%d %H:%M}",
        quarter=quarter_text,
        colour_class=_COLOURS.__getitem__,
    )
    return found


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    response.headers["X-Puhui-Environment"] = request.app[_ENVIRONMENT]
    response.headers.setdefault("Cache-Control", "no-cache")


async def _close(app: web.Application) -> None:
    await app[_READER].close()


@web.middleware
async def _failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors in Chinese, as a page or as JSON, never with what was sent."""
    try:
        return await handler(request)
    except WrongQuestion as error:
        return _failed(request, 400, str(error))
    except _NothingYet:
        title, said = _NOTHING
        return _page(request, "error.html", title=title, said=said, question=Question())
    except StoreFailed:
        return _failed(request, 503)
    except web.HTTPException as error:
        if error.status not in _SAID:
            raise
        kept = {name: error.headers[name] for name in ("Allow", "WWW-Authenticate") if name in error.headers}
        return _failed(request, error.status, headers=kept)
    except Exception:  # whatever a page fails at is logged, and never shown to who asked
        _LOG.exception("the page %s failed", request.path)
        return _failed(request, 500)


@web.middleware
async def _admission(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not may_ask(request.headers.get("Authorization"), request.app[_TOKEN]):
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
    return await handler(request)


def _failed(
    request: web.Request, status: int, said: str = "", headers: Mapping[str, str] | None = None
) -> web.Response:
    title, usual = _SAID[status]
    if request.path.startswith("/api/"):
        return _json({"error": said or usual}, status, headers)
    return _page(request, "error.html", status, headers, title=title, said=said or usual, question=Question())


def _page(
    request: web.Request, name: str, status: int = 200, headers: Mapping[str, str] | None = None, **content: Any
) -> web.Response:  # fmt: skip
    text = request.app[_PAGES].get_template(name).render(path=request.path, **content)
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=headers)


def _json(answer: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(answer)
    return web.Response(
        body=body, status=status, content_type="application/json", charset="utf-8", headers=headers
    )


class _NothingYet(Exception):
    """Nothing has been accepted: there is no day and no instant of which figures could be shown."""


def _some(figures: Figures) -> Figures:
    """The figures, where there are any."""
    if not figures.latest_instant():
        raise _NothingYet
    return figures


async def _ask(request: web.Request, question: Callable[[Figures], T]) -> T:
    return await request.app[_READER].ask(question)


async def _overview(request: web.Request) -> web.Response:
    question = Question.read(request.query)
    found, latest = await _ask(request, lambda f: (overview(_some(f), question), f.latest_instant()))
    return _page(request, "overview.html", table=found, question=question, latest=latest)


async def _renewal(request: web.Request) -> web.Response:
    question = Question.read(request.query)
    found = await _ask(request, lambda f: quarterly(_some(f), question))
    return _page(
        request, "renewal.html", page=found, question=question, changes=CHANGES, tie_columns=TIE_COLUMNS,
        before=question.query(as_of=found.quarter.previous.last_day),
        after=found.following and question.query(as_of=found.following),
    )  # fmt: skip


async def _alerts(request: web.Request) -> web.Response:
    question = Question.read(request.query)
    found = await _ask(request, lambda f: alerts(f, question))
    return _page(request, "alerts.html", page=found, question=question)


async def _alert(request: web.Request) -> web.Response:
    question, at = Question.read(request.query), request.match_info
    key = (at["rule"], at["subject"], at["period"])
    found = await _ask(request, lambda f: evidence(f, key, question))
    if found is None:
        raise web.HTTPNotFound
    return _page(request, "alert.html", page=found, question=question)


async def _refused(request: web.Request) -> web.Response:
    question = Question.read(request.query)
    found = await _ask(request, lambda f: refusals(f, question))
    return _page(request, "refused.html", page=found, question=question)


async def _api_figures(request: web.Request) -> web.Response:
    asked: argparse.Namespace = api.figures_asked(request.query)
    return _answer(await _ask(request, lambda f: api.figures_answer(f, asked)))


async def _api_alerts(request: web.Request) -> web.Response:
    asked: argparse.Namespace = api.alerts_asked(request.query)
    return _answer(await _ask(request, lambda f: api.alerts_answer(f, asked)))


def _answer(answer: api.Answer) -> web.Response:
    """The array of the command; how far the data come, where more was asked for, is told beside it."""
    end = answer.data_end
    return _json(
        answer.rows, headers=None if end is None else {"X-Puhui-Data-End": moment_at(end).isoformat()}
    )


async def _healthz(request: web.Request) -> web.Response:
    """The page itself lives; nothing is asked of the store."""
    return web.Response(text="ok\n")


async def _style(request: web.Request) -> web.FileResponse:
    kept = request.query.get("v") == _STYLE_VERSION
    return web.FileResponse(
        _STYLE, headers={"Cache-Control": "max-age=31536000, immutable"} if kept else None
    )
