// Signals that come while a process forks.

#include <sys/mman.h>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class ForkSignalTest : public DeadlineTest {};

constexpr int kRounds = 200;

bool TermIsPending() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1;
}

// Whether a child, which looks when it is told to, has the signal.
bool ChildHasTerm(pid_t child, const Pipe& go) {
  char byte = 0;
  if (write(go.writer.get(), &byte, 1) != 1) {
    return false;
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

TEST_F(ForkSignalTest, SignalOfTheGroupDuringAForkReachesTheChildToo) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setpgid(0, 0) == 0);
              const sigset_t term = SignalSet({SIGTERM});
              CHILD_CHECK(sigprocmask(SIG_BLOCK, &term, nullptr) == 0);
              // Memory that has to be copied makes forks long, compared with what is around them.
              constexpr size_t kBytes = 64 << 20;
              void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
              CHILD_CHECK(memory != MAP_FAILED);
              const pid_t group = getpid();
              const pid_t sender = fork();
              if (sender == 0) {
                setpgid(0, 0);
                for (unsigned i = 0; kill(-group, SIGTERM) == 0; ++i) {
                  usleep(100 + i * 37 % 400);
                }
                _exit(0);
              }
              int during = 0, lost = 0;
              for (int round = 0; round < kRounds; ++round) {
                const timespec none = {0, 0};
                Pipe go;
                while (sigtimedwait(&term, nullptr, &none) == SIGTERM) {
                }
                const pid_t child = fork();
                const bool came = TermIsPending();
                CHILD_CHECK(child >= 0);
                if (child == 0) {
                  char byte = 0;
                  _exit(read(go.reader.get(), &byte, 1) == 1 && TermIsPending() ? 1 : 0);
                }
                const bool child_has = ChildHasTerm(child, go);
                during += came ? 1 : 0;
                lost += came && !child_has ? 1 : 0;
              }
              KillAndWait(sender);
              // One that came just before the fork is the parent's alone, but that is seldom.
              CHILD_CHECK(during > 0 && lost * 4 <= during);
            }),
            "exited 0");
}

}  // namespace
}  // namespace compat
