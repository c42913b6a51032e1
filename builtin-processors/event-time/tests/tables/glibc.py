"""Prints what glibc's strptime reads, for tests/glibc.rs to compare with: format, value, and "seconds rest" or "none".

`rest` is how many bytes of the value come after the match. The values are made by strftime, then spoiled in ways that
follow from a fixed seed, so that every run prints the same.
"""

import ctypes
import sys

FORMATS = """
%Y-%m-%d %H:%M:%S|%Y%m%d%H%M%S|%Y-%m-%dT%H:%M:%S|%d/%b/%Y:%H:%M:%S|[%d/%B/%Y %T]|%F %T|%F %R|%D %X|%x %r|%c|%Y-%j|%Y/%j %H
%a, %d %b %Y %I:%M:%S %p|%A %e %B %y %l:%M %p|%p %I %Y-%m-%d|%y%m%d|%C%y-%m-%d|%h %d %Y%n%k:%M|%t%Y %m %d|%Y %U %w|%Y %W %u
%Y %U %a|%Y %W %A %H|%Y %m %d %V|%Y-%m-%d %g|100%% %Y-%m-%d|%m%d%Y|%H%M%S %d.%m.%Y|%Y|%Y-%m
%S:%M:%H %Y-%m-%d|%Y-%m-%d %I%p|day %d of %B, %Y
""".strip().replace("\n", "|").split("|")

INSTANTS = [0, 86399, 68169600, 951782400, 951868799, 1078012800, 1136214245, 1230768000, 1483228799, 1577836799]
INSTANTS += [1612137600, 1672531200, 1677628799, 1698249070, 1698303723, 1703980800, 1709164800, 2000000000, 4102444799]

OFFSETS = "Z +08 -03 +0800 -0530 +08:00 -05:30 +0000 +2359 +08000 +0860 +080 8 x".split()


class Tm(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in "sec min hour mday mon year wday yday isdst".split()]
    _fields_ += [("gmtoff", ctypes.c_long), ("zone", ctypes.c_char_p)]


try:
    libc = ctypes.CDLL("libc.so.6")
    libc.gnu_get_libc_version.restype = ctypes.c_char_p
except (OSError, AttributeError):
    sys.exit("no glibc")
libc.strptime.restype = ctypes.c_void_p
libc.strptime.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(Tm)]
libc.timegm.restype = ctypes.c_long
libc.gmtime_r.argtypes = [ctypes.POINTER(ctypes.c_long), ctypes.POINTER(Tm)]


def strftime(format, seconds):
    tm, text = Tm(), ctypes.create_string_buffer(200)
    libc.gmtime_r(ctypes.byref(ctypes.c_long(seconds)), ctypes.byref(tm))
    libc.strftime(text, len(text), format.encode(), ctypes.byref(tm))
    # Newlines and tabs separate rows and columns.
    return text.value.decode().replace("\n", " ").replace("\t", " ")


def strptime(format, value):
    tm, text = Tm(mday=1), ctypes.create_string_buffer(value.encode())
    end = libc.strptime(ctypes.addressof(text), format.encode(), ctypes.byref(tm))
    if not end:
        return "none"
    rest = ctypes.addressof(text) + len(value) - end
    offset = tm.gmtoff
    return f"{libc.timegm(ctypes.byref(tm)) - offset} {rest}"


def row(format, value):
    print(format, value, strptime(format, value), sep="\t")


state = 1


def random(below):
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 33) % below


for format in FORMATS:
    for seconds in INSTANTS:
        value = strftime(format, seconds)
        row(format, value)
        row(format, value + " tail")
        row(format, value.upper())
        for _ in range(25):
            place = random(len(value))
            extra = "0123456789:-/.x% "[random(17)]
            if extra == " " and value[place : place + 2].strip()[:1].isdigit():
                continue
            less, more = random(2), random(3) > 0
            row(format, value[:place] + extra * more + value[place + less :])
for offset in OFFSETS:
    for format in ["%Y-%m-%d %H:%M:%S %z", "%H:%M:%S%z %Y-%m-%d"]:
        row(format, strftime(format.replace("%z", "OFFSET"), 1698249070).replace("OFFSET", offset))
