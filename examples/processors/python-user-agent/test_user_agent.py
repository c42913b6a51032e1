import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[3] / "guest-sdk/python")]

from loglift_sdk import ConfigError, Outcome  # noqa: E402
from loglift_sdk.testing import Guest, run  # noqa: E402
from processor import UserAgent  # noqa: E402
from user_agent import Agent, classify  # noqa: E402

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
IPAD = IPHONE.replace("iPhone", "iPad", 1)
ANDROID = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.50 {}Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


class Classify(unittest.TestCase):
    def test_agents(self) -> None:
        cases = [
            (CHROME, Agent("Chrome", "126.0.0.0", "Windows", "10", "desktop")),
            (CHROME + " Edg/126.0.2592.68", Agent("Edge", "126.0.2592.68", "Windows", "10", "desktop")),
            (CHROME + " OPR/111.0.0.0", Agent("Opera", "111.0.0.0", "Windows", "10", "desktop")),
            (IPHONE, Agent("Safari", "17.5", "iOS", "17.5", "mobile")),
            (IPAD, Agent("Safari", "17.5", "iOS", "17.5", "tablet")),
            (ANDROID.format("Mobile "), Agent("Chrome", "126.0.6478.50", "Android", "14", "mobile")),
            (ANDROID.format(""), Agent("Chrome", "126.0.6478.50", "Android", "14", "tablet")),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML) Version/17.4 Safari/605",
                Agent("Safari", "17.4", "macOS", "10.15.7", "desktop"),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
                Agent("Firefox", "127.0", "Linux", "", "desktop"),
            ),
            (
                "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
                Agent("Internet Explorer", "11.0", "Windows", "7", "desktop"),
            ),
            (
                "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 (KHTML) Version/6.0 TV Safari/538.1",
                Agent("Safari", "6.0", "Tizen", "6.0", "tv"),
            ),
            (GOOGLEBOT, Agent(device="bot", bot="Googlebot", version="2.1")),
            ("curl/8.5.0", Agent(device="tool", bot="curl", version="8.5.0")),
            ("Go-http-client/2.0", Agent(device="tool", bot="Go-http-client", version="2.0")),
            ("-", Agent()),
            ("", Agent()),
            ("something else", Agent()),
        ]
        for text, expected in cases:
            with self.subTest(text):
                self.assertEqual(classify(text), expected)


class Process(unittest.TestCase):
    def test_fields_are_added_and_what_lacks_an_agent_is_counted(self) -> None:
        output = run(
            UserAgent, {"Fields": ["browser", "bot"]}, [{"user_agent": CHROME}, {"x": "1"}, {"user_agent": GOOGLEBOT}]
        )
        self.assertEqual(output.events[0], {"user_agent": CHROME, "ua_browser": "Chrome"})
        self.assertEqual(output.events[2], {"user_agent": GOOGLEBOT, "ua_bot": "Googlebot"})
        self.assertEqual(output.outcomes, [Outcome.SUCCESSFUL, Outcome.KEY_NOT_FOUND, Outcome.SUCCESSFUL])
        self.assertEqual(output.counts, {"bots_total": 1})

    def test_the_config_names_the_fields(self) -> None:
        config = {"SourceKey": "agent", "Prefix": "", "Fields": ["device"], "KeepSource": False}
        self.assertEqual(run(UserAgent, config, [{"agent": IPAD}]).events, [{"device": "tablet"}])
        with self.assertRaises(ConfigError):
            Guest(UserAgent, {"Fields": []})

    def test_bytes_that_are_not_text_stay(self) -> None:
        value = b"\xffcurl/1"
        self.assertEqual(run(UserAgent, {}, [{"user_agent": value}]).raw[0]["user_agent"], value)


if __name__ == "__main__":
    unittest.main()
