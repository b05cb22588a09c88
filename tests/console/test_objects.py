"""Objects in a real browser: what is told of live ones, stopping them, and past ones."""

import base64

from selenium.webdriver.common.keys import Keys

from .operator import Operator
from .test_wall import png


def card(object_id: int) -> str:
    return f'#objects .card[data-object="{object_id}"]'


def test_a_live_object_is_told_of_and_its_stop_button_ends_it(operator: Operator) -> None:
    browser = operator.browser
    object_id = operator.track_somebody("gate")
    operator.go("objects")
    browser.until_text(f"{card(object_id)} .pill", "Seen")
    browser.until_text(f"{card(object_id)} .where", "On hall")
    browser.until_text(f"{card(object_id)} .since", "since ")
    browser.until_text(f"{card(object_id)} .started", "by 127.0.0.1")
    browser.until_text(f"{card(object_id)} .left", "14 min")
    assert browser.text(".badge") == "1"
    browser.click(f"{card(object_id)} .stop")
    browser.until_text("#notices", f"Object {object_id} is no longer tracked.")
    browser.until(lambda: not browser.all(card(object_id)))
    assert operator.live() == set()
    browser.until_text(f'#objects tr[data-object="{object_id}"]', "Stopped by 127.0.0.1")


def test_past_objects_are_found_by_id_and_by_camera(operator: Operator) -> None:
    browser = operator.browser
    found = []
    for camera_id in ("entrance", "gate"):
        found.append(operator.start(camera_id, image="AAAA"))
        operator.leave()
    operator.open("objects")
    rows = "return [...document.querySelectorAll('#objects tbody tr')].map((row) => Number(row.dataset.object))"
    browser.until(lambda: browser.run(rows)[:2] == found[::-1])
    browser.find("#past-id").send_keys(str(found[0]), Keys.ENTER)
    browser.until(lambda: browser.run(rows) == found[:1])
    browser.find("#past-id").clear()
    browser.find("#past-camera").send_keys("gate", Keys.ENTER)
    browser.until(lambda: found[1] in browser.run(rows) and found[0] not in browser.run(rows))
    browser.find("#past-camera").send_keys("s", Keys.ENTER)
    browser.until_text("#objects .table-note", "No past object is like that.")


def test_more_is_shown_of_what_was_searched_for_whatever_is_typed_since(operator: Operator) -> None:
    browser = operator.browser
    for _ in range(51):  # one more than a page has
        operator.start("platform", image="AAAA")
    operator.leave()
    operator.open("objects")
    browser.find("#past-camera").send_keys("platform", Keys.ENTER)
    on = "return [...document.querySelectorAll('#objects tbody tr td:nth-of-type(2)')].map((cell) => cell.textContent)"
    browser.until(lambda: browser.run(on) == ["platform"] * 50)
    browser.find("#past-camera").clear()
    browser.find("#past-camera").send_keys("gate")
    browser.click("#objects .part > button")
    browser.until(lambda: browser.run(on) == ["platform"] * 51)


def test_an_object_is_erased_only_once_its_id_was_typed(operator: Operator) -> None:
    browser = operator.browser
    object_id = operator.start("gate", image="AAAA")
    operator.go("objects")
    browser.click(f"{card(object_id)} .erase")
    confirm = browser.find("dialog[open] .danger")
    assert not confirm.is_enabled()
    typed = browser.find("#erase-id")
    typed.send_keys(f"{object_id}0")
    assert not confirm.is_enabled()
    typed.send_keys(Keys.ENTER)
    assert operator.live() == {object_id}
    typed.send_keys(Keys.BACKSPACE, Keys.ENTER)
    browser.until_text("#notices", f"Object {object_id} was erased.")
    assert operator.live() == set()
    browser.until(lambda: not browser.all(f'[data-object="{object_id}"]'))


def test_the_image_of_a_past_object_is_not_kept_here_and_gone_once_it_is_erased(operator: Operator) -> None:
    browser = operator.browser
    object_id = operator.start("gate", image=f"data:image/png;base64,{base64.b64encode(png()).decode()}")
    operator.leave()
    operator.open("objects")
    row = f'#objects tr[data-object="{object_id}"]'
    browser.click(f'{row} [title="Show the cut-out"]')
    image = browser.find(f"{row} img")
    browser.until(lambda: browser.run("return arguments[0].naturalWidth", image) == 24)
    gone = """const [shown, done] = arguments;
    const again = new Image();
    again.onload = () => done(false);
    again.onerror = () => done(true);
    again.src = shown.src;"""
    browser.until(lambda: browser.driver.execute_async_script(gone, image), "the image can be had by its address")
    browser.complaints()  # that there is nothing at that address
    operator.let_erase(object_id)
    browser.click(f'{row} [title="Show the cut-out"]')
    browser.until_text(row, "no image")
    assert browser.all(f"{row} img") == []
    assert all("404" in text for text in browser.complaints())


def test_what_peers_call_themselves_and_send_is_text(operator: Operator) -> None:
    browser = operator.browser
    object_id = operator.start("gate", image="<img src=x onerror=document.title='taken'>")
    operator.go("objects")
    browser.find(card(object_id))
    assert browser.all(f"{card(object_id)} img") == []
    assert browser.run("return document.title") == "Objects · Orchestrator"
