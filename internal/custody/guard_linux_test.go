package custody

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The guard cannot be taken back, so another process enters.
func TestGuard(t *testing.T) {
	if os.Getenv("ENTER_CUSTODY") != "" {
		// Something to lower, where that is allowed.
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 4096, Max: 4096})
		Enter()
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit != (unix.Rlimit{}) {
			t.Errorf("the limit of core dumps is %v, %v, want none", limit, err)
		}
		if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
			t.Errorf("dumpable is %d, %v, want 0", dumpable, err)
		}
		// What is given as a pipe can still be read, also by who is not root.
		if os.Geteuid() == 0 {
			if err := unix.Setuid(65534); err != nil {
				t.Logf("stays root: %v", err)
			}
			_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() { w.WriteString("open sesame"); w.Close() }()
		if got, err := ReadStream(fmt.Sprintf("/proc/self/fd/%d", r.Fd()), 100); err != nil || string(got) != "open sesame" {
			t.Errorf("ReadStream() of a pipe = %q, %v", got, err)
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestGuard$", "-test.v")
	cmd.Env = append(os.Environ(), "ENTER_CUSTODY=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS: TestGuard") {
		t.Errorf("%v\n%s", err, out)
	}
}
