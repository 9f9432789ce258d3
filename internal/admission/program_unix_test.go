//go:build unix

package admission

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/cli/console"
)

// The program answers until it is told to stop, and then ends with a yes.
func TestProgram(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	p, dir := newPKI(t), t.TempDir()
	cert, key := p.issue(2, time.Now().Add(time.Hour))
	writeCert(t, dir, cert, key)
	var log syncBuffer
	done := make(chan int, 1)
	variables := map[string]string{
		"HALLMARK_ADMISSION_TRUST_DIR": w.dir, "HALLMARK_ADMISSION_TLS_CERT": filepath.Join(dir, "tls.crt"), "HALLMARK_ADMISSION_TLS_KEY": filepath.Join(dir, "tls.key"),
		"HALLMARK_ADMISSION_LISTEN": "127.0.0.1:0", "HALLMARK_ADMISSION_METRICS_LISTEN": "", "HALLMARK_ADMISSION_ALLOW_HTTP_REGISTRY": "true", "HALLMARK_ADMISSION_DRAIN_DELAY": "10ms",
	}
	for k, v := range variables {
		t.Setenv(k, v)
	}
	go func() {
		done <- Main([]string{"hallmark-admission"}, console.IO{In: strings.NewReader(""), Out: io.Discard, Err: &log, Env: func(string) string { return "" }, Now: time.Now})
	}()
	var address string
	for end := time.Now().Add(10 * time.Second); address == ""; time.Sleep(5 * time.Millisecond) {
		if _, rest, ok := strings.Cut(log.String(), `"msg":"serving","address":"`); ok {
			address, _, _ = strings.Cut(rest, `"`)
		}
		if time.Now().After(end) {
			t.Fatalf("it does not serve: %s", log.String())
		}
	}
	resp, data, err := send(client(p, true), "https://"+address+"/validate?timeout=10s", encoded(t, reviewOf(podObject(good))))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("POST /validate = %v, %v", resp, err)
	}
	mustAllow(t, "the program", answered(t, data))
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case code := <-done:
		if code != console.Yes {
			t.Errorf("told to stop, it ends with %d: %s", code, log.String())
		}
	case <-time.After(15 * time.Second):
		t.Fatal("told to stop, it does not end")
	}
}
