"""The timeline in a real browser: visits as bars, live and past, and going about it."""

from selenium.webdriver.common.keys import Keys

from .operator import Operator

_WIDTHS = "return [...document.querySelectorAll('.chart .bar rect')].map((bar) => Number(bar.getAttribute('width')))"


def bars(operator: Operator) -> list[str]:
    script = "return [...document.querySelectorAll('.chart .bar')].map((bar) => bar.getAttribute('aria-label'))"
    labels: list[str] = operator.browser.run(script)
    return labels


def test_visits_appear_as_bars_that_grow_and_show_where_somebody_went_next(operator: Operator) -> None:
    browser = operator.browser
    object_id = operator.track_somebody("gate")
    browser.click(f'#rail [data-object="{object_id}"] .actions button:last-child')
    assert browser.run("return location.hash") == f"#timeline/{object_id}"
    browser.until(lambda: any(f"Object {object_id} on gate" in label for label in bars(operator)))
    browser.until(lambda: any("on hall" in label and "until now" in label for label in bars(operator)))
    browser.until(lambda: any("on gate" in label and "until now" not in label for label in bars(operator)))
    assert browser.all(".chart .handovers path")
    rows = "return [...document.querySelectorAll('.chart .names text')].map((name) => name.firstChild.data)"
    assert browser.run(rows)[:2] == ["gate", "hall"]
    first = browser.run(_WIDTHS)[-1]
    browser.until(lambda: max(browser.run(_WIDTHS)) > first, "the bar of a visit that goes on does not grow")
    browser.until_text("#timeline tbody tr", "hall")


def test_visits_that_were_before_the_page_was_opened_are_there(operator: Operator) -> None:
    object_id = operator.track_somebody("gate")
    operator.browser.until_text(f'#rail [data-object="{object_id}"] .where', "On hall")
    operator.browser.until_text(f'#rail [data-object="{object_id}"] .where', "On lift")
    operator.open(f"timeline/{object_id}")
    operator.browser.until(
        lambda: [label.split(",")[0].split(" on ")[1] for label in bars(operator)][:3] == ["gate", "hall", "lift"]
    )


def test_one_moves_in_time_with_keys_and_buttons(operator: Operator) -> None:
    browser = operator.browser
    object_id = operator.track_somebody("entrance")
    operator.open(f"timeline/{object_id}")
    browser.until(lambda: bars(operator))
    live = "return document.querySelector('.live-button').getAttribute('aria-pressed')"
    browser.run("document.querySelector('.chart').focus()")
    before = browser.run(_WIDTHS)[0]
    operator.keys("+")
    browser.until(lambda: browser.run(_WIDTHS)[0] > 1.4 * before)
    assert browser.run(live) == "true"
    operator.keys(Keys.ENTER)
    browser.until_text("#announcer", f"Object {object_id} on entrance")
    assert browser.find(".tip").text.startswith(f"#{object_id} on entrance")
    operator.keys(Keys.ESCAPE, Keys.ARROW_LEFT)
    browser.until(lambda: browser.run(live) == "false")
    for _ in range(20):
        operator.keys(Keys.ARROW_LEFT)
    browser.until(lambda: not bars(operator))
    browser.click(".live-button")
    browser.until(lambda: bars(operator) and browser.run(live) == "true")


def test_objects_are_added_and_taken_away(operator: Operator) -> None:
    browser = operator.browser
    first, second = operator.track_somebody("entrance"), operator.track_somebody("gate")
    operator.open(f"timeline/{first}")
    browser.until(lambda: len(bars(operator)) == 1)
    browser.click(f'.pick[data-object="{second}"]')
    browser.until(lambda: any(f"Object {second} " in label for label in bars(operator)))
    browser.click(f'.pick[data-object="{first}"]')
    browser.until(lambda: bars(operator) and not any(f"Object {first} " in label for label in bars(operator)))
    assert browser.run("return location.hash") == f"#timeline/{second}"


def test_nothing_stays_of_a_live_object_that_somebody_else_erases(operator: Operator) -> None:
    browser = operator.browser
    first, second = operator.track_somebody("entrance"), operator.track_somebody("gate")
    operator.open(f"timeline/{first},{second}")
    browser.until(lambda: {label.split()[1] for label in bars(operator)} == {str(first), str(second)})
    operator.let_erase(first)
    browser.until(lambda: not browser.all(f'[data-object="{first}"]'))
    browser.until(lambda: bars(operator) and not any(f"Object {first} " in label for label in bars(operator)))
    assert browser.run("return location.hash") == f"#timeline/{second}"
    operator.let_erase(second)
    browser.until(lambda: not bars(operator))
    assert browser.run("return location.hash") == "#timeline"
    assert browser.run("return document.querySelectorAll('#timeline tbody tr').length") == 0


def test_a_past_object_that_somebody_else_erased_is_gone_when_one_comes_back(operator: Operator) -> None:
    browser = operator.browser
    object_id = operator.track_somebody("gate")
    browser.until_text(f'#rail [data-object="{object_id}"] .where', "On hall")
    operator.go("objects")
    browser.click(f'#objects .card[data-object="{object_id}"] .stop')
    browser.click(f'#objects tr[data-object="{object_id}"] [title="Timeline"]')
    browser.until(lambda: bars(operator))
    operator.go("wall")
    assert bars(operator) == []
    assert browser.run("return document.querySelectorAll('#timeline tbody tr').length") == 0
    operator.let_erase(object_id)
    operator.go("timeline")
    browser.until_text("#timeline .table-note", f"Not seen on any camera: #{object_id}.")
    assert bars(operator) == []
    assert all("404" in text for text in browser.complaints())


def test_visits_are_saved_as_csv(operator: Operator) -> None:
    browser = operator.browser
    object_id = operator.track_somebody("entrance")
    operator.open(f"timeline/{object_id}")
    browser.until(lambda: bars(operator))
    browser.run(
        """window.saved = [];
        const create = URL.createObjectURL;
        let blob;
        URL.createObjectURL = (given) => create.call(URL, (blob = given));
        HTMLAnchorElement.prototype.click = function () {
          blob.text().then((text) => window.saved.push([this.download, text]));
        };"""
    )
    browser.click("#timeline .file")
    [[name, text]] = browser.until(lambda: browser.run("return window.saved"))
    assert name == f"object-{object_id}-visits.csv"
    assert text.splitlines()[0] == "cameraId,from,to,sightings,bestCertainty"
    assert text.splitlines()[1].startswith("entrance,")
