"""The program whose heap the goldens of memray show: sites of different block sizes, a recursive one, a thread, and a
peak that is over before the end."""
import threading

kept = []


def chunk(size):
    return bytearray(size)


def small():
    for _ in range(300):
        kept.append(chunk(2000))


def large():
    for _ in range(5):
        kept.append(chunk(500_000))


def descend(levels):
    block = chunk(10_000 + levels)
    if levels:
        descend(levels - 1)
    kept.append(block)


def spike():
    return len(chunk(3_000_000))


small()
large()
descend(10)
worker = threading.Thread(target=lambda: kept.append(chunk(70_000)), name='a "worker", named;')
worker.start()
worker.join()
spike()
del kept[:150]
