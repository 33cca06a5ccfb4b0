"""What a peer in Python does: speaks the same lines as the peers in serve.ts, on standard input and output."""
import json
import os
import sys
import time


def sample(run, milliseconds, state):
    """Times of three samples at least, unless a run is so long that one has to do; see `sample` in work.ts."""
    times, begun = [], time.perf_counter()

    def is_over():
        elapsed = 1e3 * (time.perf_counter() - begun)
        return elapsed > 10 * milliseconds or len(times) >= 3 and elapsed > milliseconds
    while not times or not is_over():
        start = time.perf_counter()
        for _ in range(state['turns']):
            run()
        elapsed = time.perf_counter() - start
        times.append(elapsed * 1e9 / state['turns'])
        state['turns'] = max(1, min(round(state['turns'] * 5e-3 / max(elapsed, 1e-5)), 100_000))
    return times


def memory(field):
    """VmRSS or, for the most so far, VmHWM of this process in bytes; None where the system does not tell."""
    if not os.path.exists('/proc/self/status'):
        return None
    with open('/proc/self/status') as f:
        return next((int(line.split()[1]) * 1024 for line in f if line.startswith(field)), None)


def send(x):
    print(json.dumps(x), flush=True)


def serve(version, threads, works, check):
    """Answers requests by `works[op](sizes)()`; `check(result)` is the mean size of a result's elements, or None."""
    send(dict(version=version, threads=threads))
    name, run, state, idle = None, None, None, memory('VmRSS')
    if idle is not None:
        with open('/proc/self/clear_refs', 'w') as f:
            f.write('5')
    for line in sys.stdin:
        request = json.loads(line)
        row = request['row']
        answer = {}
        try:
            if row['name'] != name:
                name, run = None, None
                if row['op'] not in works:
                    send(dict(missing='not offered'))
                    continue
                run, state = works[row['op']](row['sizes']), dict(turns=1)
                found = check(run())
                if found is not None:
                    answer['check'] = found
                name = row['name']
            elif 'tokens' in row and idle is not None:
                answer['peakBytes'] = memory('VmHWM') - idle
            send(dict(answer, times=sample(run, request['milliseconds'], state)))
        except Exception as error:
            name = None
            send(dict(missing=str(error).split('\n')[0]))


def text(s):
    """The lines of words that torchium-words.ts makes up."""
    state = 1

    def word():
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2 ** 32
        return f"w{int((s['vocabulary'] + 1) ** (state / 2 ** 32) - 1)}"
    return [' '.join(word() for _ in range(s['lineLength'])) for _ in range(s['words'] // s['lineLength'])]
