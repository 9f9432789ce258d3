package console

import (
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// slow is how long something may take before a person is shown how far it is.
const slow = time.Second

// Progress shows, on a terminal only, how many of total bytes are done. add may
// be called by several goroutines at once; done clears the line.
func (c IO) Progress(what string, total int64) (add func(n int64), done func()) {
	if !c.Terminal {
		return func(int64) {}, func() {}
	}
	var (
		mu    sync.Mutex
		bar   *progressbar.ProgressBar
		sum   int64
		begun = time.Now()
	)
	add = func(n int64) {
		mu.Lock()
		defer mu.Unlock()
		sum += n
		if bar == nil {
			if time.Since(begun) < slow {
				return
			}
			bar = progressbar.NewOptions64(total,
				progressbar.OptionSetWriter(c.Err), progressbar.OptionSetDescription(what),
				progressbar.OptionShowBytes(true), progressbar.OptionSetWidth(20),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
		}
		_ = bar.Set64(sum) // a bar that cannot be drawn is no reason to stop
	}
	return add, func() {
		mu.Lock()
		defer mu.Unlock()
		if bar != nil {
			_ = bar.Finish()
		}
	}
}
