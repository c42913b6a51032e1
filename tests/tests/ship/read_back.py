"""Reads back with the official SDK what an agent shipped, and compares it field by field.

Usage: read_back.py ENDPOINT PROJECT LOGSTORE EXPECTED, where EXPECTED is a file of JSON. Prints one line for each step.
"""

import json
import sys

from aliyun.log import GetLogsRequest, LogClient

ADDRESS = sys.argv[1].removeprefix("http://")
PROJECT, LOGSTORE = sys.argv[2:4]
with open(sys.argv[4], encoding="utf-8") as file:
    EXPECTED = json.load(file)
EVENTS = sorted(EXPECTED["events"], key=lambda event: (event["time"], event["ns"]))
FIRST, LAST = EVENTS[0]["time"], EVENTS[-1]["time"]


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: found {found!r}, expected {expected!r}")
    print(f"{what}: as expected")


def check_tags(what, tags):
    """Those of the machine differ from one to the next, so that they only have to be there."""
    expect(f"{what}: path", tags.pop("__path__", None), EXPECTED["path"])
    source, _, sequence = tags.pop("__pack_id__", "").partition("-")
    expect(f"{what}: id", (int(source, 16) > 0, int(sequence, 16) >= 0), (True, True))
    if not tags.pop("__hostname__", ""):
        sys.exit(f"{what}: no host name")


def searched(client):
    """What get_logs finds, with the tags taken out."""
    request = GetLogsRequest(PROJECT, LOGSTORE, FIRST, LAST + 1, topic="", query="*")
    found = []
    for log in client.get_logs(request).get_logs():
        contents = dict(log.get_contents())
        prefix = "__tag__:"
        check_tags("searched", {name[len(prefix):]: contents.pop(name) for name in list(contents) if name.startswith(prefix)})
        expect("searched: topic", contents.pop("__topic__"), EXPECTED["topic"])
        found.append({"time": log.get_time(), "ns": int(contents.pop("__time_ns_part__")), "fields": contents})
    return found


def pulled(client, shard):
    """What pull_logs brings of a shard, group by group."""
    cursor, found = client.get_begin_cursor(PROJECT, LOGSTORE, shard).get_cursor(), []
    while True:
        answer = client.pull_logs(PROJECT, LOGSTORE, shard, cursor, count=1)
        for place in range(answer.get_loggroup_count()):
            group = answer.get_loggroup(place)
            check_tags("pulled", {tag.Key: tag.Value for tag in group.LogTags})
            expect("pulled: topic", group.Topic, EXPECTED["topic"])
            found += [{"time": log.Time, "ns": log.Time_ns, "fields": {field.Key: field.Value for field in log.Contents}}
                      for log in group.Logs]
        if answer.get_next_cursor() == cursor:
            return found
        cursor = answer.get_next_cursor()


client = LogClient("127.0.0.1", "testid", "testsecret", source="10.1.2.3")
# The SDK leaves the project out of the URL for an address without a port only.
client._endpoint = ADDRESS
expect("searched", searched(client), EVENTS)
shards = [shard["shardID"] for shard in client.list_shards(PROJECT, LOGSTORE).get_shards_info()]
everything = [event for shard in shards for event in pulled(client, shard)]
expect("pulled", sorted(everything, key=lambda event: (event["time"], event["ns"])), EVENTS)
print("done")
