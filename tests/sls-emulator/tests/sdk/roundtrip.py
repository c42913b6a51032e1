"""Drives the emulator with the official SDK and compares field by field what comes back.

Usage: roundtrip.py ENDPOINT, such as http://127.0.0.1:8765. Prints one line for each step.
"""

import os
import sys
import time

from aliyun.log import GetHistogramsRequest, GetLogsRequest, IndexConfig, IndexLineConfig, LogClient, LogException
from aliyun.log import LogItem, ListLogstoresRequest, PutLogsRequest
from aliyun.log.proto import LogGroupRaw

ADDRESS = sys.argv[1].removeprefix("http://")
PROJECT, LOGSTORE = "sdk-project", "sdk-logstore"
NOW = int(time.time())
SENT = [
    (NOW - 10, 123456789, [("content", "hello world"), ("level", "INFO")]),
    (NOW - 10, 5, [("content", "日志 second"), ("level", "WARN")]),
    (NOW - 9, 999999999, [("content", "line\nbreak \"quoted\""), ("level", "ERROR"), ("empty", "")]),
]


def direct(**options):
    """A client of the plain address. The SDK leaves the project out of the URL for an address without a port only, so
    this is what it does then, with the port back in its place. The project is in the Host header."""
    client = LogClient("127.0.0.1", "testid", "testsecret", source="10.1.2.3", **options)
    client._endpoint = ADDRESS
    return client


def proxied(**options):
    """A client of a real endpoint, to which the emulator is the proxy."""
    client = LogClient("http://cn-hangzhou.log.aliyuncs.com", "testid", "testsecret", source="10.1.2.3", **options)
    client._session.proxies = {"http": "http://" + ADDRESS}
    client._session.trust_env = False
    return client


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: found {found!r}, expected {expected!r}")
    print(f"{what}: as expected")


def refused(what, code, call):
    try:
        call()
    except LogException as error:
        expect(what, error.get_error_code(), code)
        if not error.get_request_id():
            sys.exit(f"{what}: no request id")
    else:
        sys.exit(f"{what}: accepted")


def shown(sent):
    time_, ns, fields = sent
    head = {"__topic__": "web", "__tag__:__path__": "/var/log/a.log", "__tag__:__pack_id__": "AB-1"}
    return time_, "10.1.2.3", {**head, "__time_ns_part__": str(ns), **dict(fields)}


def put(client, items, hash_key=None, compress=True, compress_type=None):
    logs = [LogItem(time_, list(fields), ns) for time_, ns, fields in items]
    tags = [("__path__", "/var/log/a.log"), ("__pack_id__", "AB-1")]
    client.put_logs(PutLogsRequest(PROJECT, LOGSTORE, "web", "", logs, hashKey=hash_key, compress=compress,
                                   logtags=tags, compress_type=compress_type))


def searched(client, query="*", start=NOW - 60, end=NOW + 60, **options):
    request = GetLogsRequest(PROJECT, LOGSTORE, start, end, topic="", query=query, **options)
    return [(log.get_time(), log.get_source(), log.get_contents()) for log in client.get_logs(request).get_logs()]


def pulled(client, shard, **options):
    cursor, logs = client.get_begin_cursor(PROJECT, LOGSTORE, shard).get_cursor(), []
    while True:
        answer = client.pull_logs(PROJECT, LOGSTORE, shard, cursor, count=1, **options)
        logs += answer.get_flatten_logs_json()
        if answer.get_next_cursor() == cursor:
            return logs
        cursor = answer.get_next_cursor()


def round_trip(client):
    client.create_project(PROJECT, "for the SDK")
    project = client.get_project(PROJECT)
    expect("project", (project.get_projectname(), project.get_description()), (PROJECT, "for the SDK"))
    expect("projects", [p["projectName"] for p in client.list_project().get_projects()], [PROJECT])
    refused("project again", "ProjectAlreadyExist", lambda: client.create_project(PROJECT, ""))

    client.create_logstore(PROJECT, LOGSTORE, ttl=7, shard_count=2)
    logstore = client.get_logstore(PROJECT, LOGSTORE)
    expect("logstore", (logstore.logstore_name, logstore.ttl, logstore.shard_count), (LOGSTORE, 7, 2))
    expect("logstores", client.list_logstore(PROJECT).get_logstores_total(), 1)
    expect("logstores, old", client.list_logstores(ListLogstoresRequest(PROJECT)).get_count(), 1)
    client.create_index(PROJECT, LOGSTORE, IndexConfig(7, IndexLineConfig([" ", ","])))
    expect("index", client.get_index_config(PROJECT, LOGSTORE).get_index_config().line_config.token_list, [" ", ","])

    shards = client.list_shards(PROJECT, LOGSTORE).get_shards_info()
    ranges = [(s["shardID"], s["inclusiveBeginKey"], s["exclusiveEndKey"]) for s in shards]
    half = "8" + "0" * 31
    expect("shards", ranges, [(0, "0" * 32, half), (1, half, "f" * 32)])

    put(client, SENT[:1], compress=False, hash_key="0" * 32)
    put(client, SENT[1:2], compress=True, hash_key="f" * 32)
    put(client, SENT[2:], compress_type="zstd")
    by_time = [SENT[1], SENT[0], SENT[2]]
    expect("logs", searched(client), [shown(one) for one in by_time])
    expect("logs, newest first", searched(client, reverse=True), [shown(one) for one in reversed(by_time)])
    expect("logs, second page", searched(client, line=1, offset=1), [shown(by_time[1])])
    expect("logs of one second", searched(client, start=NOW - 10, end=NOW - 9), [shown(one) for one in by_time[:2]])
    part = {"from_time_nano_part": 5, "to_time_nano_part": 6}
    expect("logs of one nanosecond", searched(client, start=NOW - 10, end=NOW - 10, **part), [shown(SENT[1])])
    expect("a word", searched(client, "hello"), [shown(SENT[0])])
    expect("a key", searched(client, "level: ERROR or level: warn"), [shown(one) for one in (SENT[1], SENT[2])])
    expect("no match", searched(client, "hello and level: ERROR"), [])
    client._get_logs_v2_enabled = False
    expect("logs, by GET", searched(client, "level: info"), [shown(SENT[0])])
    client._get_logs_v2_enabled = True

    histogram = client.get_histograms(GetHistogramsRequest(PROJECT, LOGSTORE, NOW - 10, NOW - 8, "", "*"))
    expect("histogram", [bar.get_count() for bar in histogram.get_histograms()], [2, 1])

    for options in ({}, {"compress": False}, {"accept_compress_type": "zstd"}):
        logs = pulled(client, 0, **options) + pulled(client, 1, **options)
        found = sorted(logs, key=lambda log: (log["__time__"], log["__time_ns_part__"]))
        # This SDK makes a tuple of the nanoseconds.
        sent = [{"__source__": source, "__time__": time_, **fields, "__time_ns_part__": (int(fields["__time_ns_part__"]),)}
                for time_, source, fields in map(shown, by_time)]
        expect(f"pulled {options}", found, sent)
    group = client.pull_logs(PROJECT, LOGSTORE, 0, client.get_begin_cursor(PROJECT, LOGSTORE, 0).get_cursor(), 1)
    group = group.get_loggroup(0)
    expect("nanoseconds of a pulled log", (group.Logs[0].Time, group.Logs[0].Time_ns), SENT[0][:2])
    expect("tags of a pulled group", [(tag.Key, tag.Value) for tag in group.LogTags],
           [("__path__", "/var/log/a.log"), ("__pack_id__", "AB-1")])
    end = client.get_end_cursor(PROJECT, LOGSTORE, 0).get_cursor()
    expect("nothing at the end", client.pull_logs(PROJECT, LOGSTORE, 0, end).get_loggroup_count(), 0)
    expect("from a time", client.get_cursor(PROJECT, LOGSTORE, 0, NOW + 600).get_cursor(), end)

    raw = LogGroupRaw()
    log = raw.Logs.add()
    log.Time = NOW
    content = log.Contents.add()
    content.Key, content.Value = "binary", b"\xff\x00"
    client.put_log_raw(PROJECT, LOGSTORE, raw)
    expect("bytes that are no text", searched(client, "binary: *")[0][2], {"__topic__": "", "binary": "\ufffd\x00"})

    refused("no logstore", "LogStoreNotExist", lambda: client.get_logstore(PROJECT, "missing"))
    refused("no project", "ProjectNotExist", lambda: client.get_project("missing"))
    refused("a time range of nothing", "InvalidTimeRange", lambda: searched(client, start=NOW, end=NOW))
    client.delete_logstore(PROJECT, LOGSTORE)
    refused("deleted logstore", "LogStoreNotExist", lambda: put(client, SENT))
    client.delete_project(PROJECT)
    refused("deleted project", "ProjectNotExist", lambda: put(client, SENT))


for name, connect in (("direct", direct), ("proxied", proxied)):
    for version, options in (("v1", {}), ("v4", {"auth_version": "v4", "region": "cn-hangzhou"})):
        print(f"--- {name}, signature {version}, SDK {LogClient('127.0.0.1', 'a', 'b', source='x')._user_agent}")
        round_trip(connect(**options))
        wrong = connect(**options)
        wrong._auth.credentials_provider = LogClient("x", "testid", "wrong", source="x")._auth.credentials_provider
        refused("wrong secret", "SignatureNotMatch", lambda: wrong.list_project())
        wrong._auth.credentials_provider = LogClient("x", "nobody", "x", source="x")._auth.credentials_provider
        refused("unknown key", "Unauthorized", lambda: wrong.list_project())
print("done")
