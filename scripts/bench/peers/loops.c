// Plain loops over float32 arrays, to see what the machine's memory gives:
//   loops read|add|sum COUNT THREADS MILLISECONDS
// prints the mean size of the result's first million elements, then nanoseconds a pass, one sample a line. `read` and `sum` add up
// an array (of sin(i), of sin(i) + 1.5), `add` adds two into a third. Threads take equal parts and meet at barriers.
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef float vector __attribute__((vector_size(64)));
enum { LANES = 16, VECTORS = 8, BLOCK = LANES * VECTORS };

static const char *loop;
static long count;
static int threads;
static double milliseconds;
static float *a, *b, *c;
static float *partial;
static atomic_long turns;
static atomic_int arrived, phase;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e9 * t.tv_sec + t.tv_nsec;
}

static void barrier(void) {
  int at = atomic_load(&phase);
  if (atomic_fetch_add(&arrived, 1) == threads - 1) {
    atomic_store(&arrived, 0);
    atomic_store(&phase, at + 1);
  } else
    for (long spins = 0; atomic_load(&phase) == at; spins++)
      if (spins > 10000) sched_yield();
}

static float total(const float *x, long n) {
  vector sums[VECTORS] = {{0}};
  long i = 0;
  for (; i + BLOCK <= n; i += BLOCK)
    for (int j = 0; j < VECTORS; j++) sums[j] += *(const vector *)(x + i + j * LANES);
  float sum = 0;
  for (int j = 0; j < VECTORS; j++)
    for (int k = 0; k < LANES; k++) sum += sums[j][k];
  for (; i < n; i++) sum += x[i];
  return sum;
}

static void pass(int thread) {
  // Whole vectors for everybody; what is left over for the last.
  long share = count / threads / LANES * LANES, from = thread * share;
  long n = thread == threads - 1 ? count - from : share;
  if (strcmp(loop, "add") == 0)
    for (long i = from; i < from + n; i++) c[i] = a[i] + b[i];
  else
    partial[thread * LANES] = total(a + from, n);
  barrier();
}

static void *helper(void *number) {
  for (;;) {
    barrier();
    long n = atomic_load(&turns);
    if (n == 0) return NULL;
    for (long i = 0; i < n; i++) pass((int)(long)number);
  }
}

static double timed(long n) {
  atomic_store(&turns, n);
  double start = now();
  barrier();
  for (long i = 0; i < n; i++) pass(0);
  return (now() - start) / n;
}

static float *array(double seed, double more) {
  float *x = aligned_alloc(64, (count + LANES) * sizeof(float));
  for (long i = 0; i < count; i++) x[i] = (float)(sin(i + seed) + more);
  return x;
}

static double result(void) {
  double sum = 0;
  if (strcmp(loop, "add") != 0) {
    for (int i = 0; i < threads; i++) sum += partial[i * LANES];
    return fabs(sum);
  }
  long n = count < 1 << 20 ? count : 1 << 20;
  for (long i = 0; i < n; i++) sum += fabs(c[i]);
  return sum / n;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  loop = argv[1], count = atol(argv[2]), threads = atoi(argv[3]), milliseconds = atof(argv[4]);
  a = array(0, strcmp(loop, "sum") == 0 ? 1.5 : 0), b = c = a;
  if (strcmp(loop, "add") == 0) b = array(1, 0), c = array(0, 0);
  partial = calloc(threads, LANES * sizeof(float));
  pthread_t helpers[threads];
  for (long i = 1; i < threads; i++) pthread_create(&helpers[i], NULL, helper, (void *)i);
  double one = timed(1);
  one = timed(3);
  printf("%.9g\n", result());
  long n = one < 2e6 ? (long)(2e6 / one) + 1 : 1;
  for (double end = now() + 1e6 * milliseconds; now() < end;) printf("%.1f\n", timed(n));
  atomic_store(&turns, 0);
  barrier();
  for (int i = 1; i < threads; i++) pthread_join(helpers[i], NULL);
  return 0;
}
