package trustroot

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

// maxTarget bounds a target; the public trusted root has some 10 kB.
const maxTarget = 4 << 20

// refresh asks the repository for what is newer than held. held is not changed.
//
// go-tuf's updater takes the steps of the specification's section 5, "Detailed
// client workflow". It works in a folder of its own, which begins with what is
// held: so a repository cannot be rolled back, and what is kept is replaced only
// by what is whole.
func refresh(ctx context.Context, held *kept, now time.Time) (newer *kept, err error) {
	defer func() {
		if p := recover(); p != nil {
			newer, err = nil, fmt.Errorf("reading its answer failed unexpectedly: %v", p)
		}
	}()
	dir, err := os.MkdirTemp("", "hallmark-tuf-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	metadataFiles := func(k *kept) map[string]*[]byte {
		return map[string]*[]byte{
			metadata.ROOT: &k.Root, metadata.TIMESTAMP: &k.Timestamp, metadata.SNAPSHOT: &k.Snapshot, metadata.TARGETS: &k.Targets,
		}
	}
	for role, data := range metadataFiles(held) {
		if *data == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, role+".json"), *data, 0o600); err != nil {
			return nil, err
		}
	}
	cfg, err := config.New(held.Address, held.Root)
	if err != nil {
		return nil, err
	}
	cfg.LocalMetadataDir, cfg.LocalTargetsDir = dir, filepath.Join(dir, "targets")
	cfg.Fetcher = fetcher{ctx}
	up, err := updater.New(cfg)
	if err != nil {
		return nil, err
	}
	up.UnsafeSetRefTime(now)
	if err := up.Refresh(); err != nil {
		return nil, plainly(ctx, err)
	}
	newer = &kept{Address: held.Address, Begun: held.Begun, Refreshed: now, Files: make(map[string][]byte)}
	for role, data := range metadataFiles(newer) {
		if *data, err = os.ReadFile(filepath.Join(dir, role+".json")); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{TrustedRoot, SigningConfig} {
		info, ok := up.GetTopLevelTargets()[name]
		if !ok || info == nil {
			continue // whoever wants it will say so
		}
		if info.Length > maxTarget {
			return nil, fmt.Errorf("%s has %d bytes, expected at most %d", name, info.Length, maxTarget)
		}
		if data, ok := held.Files[name]; ok && info.VerifyLengthHashes(data) == nil {
			newer.Files[name] = data
			continue
		}
		_, data, err := up.DownloadTarget(info, "", "")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, plainly(ctx, err))
		}
		newer.Files[name] = data
	}
	return newer, nil
}

// plainly is err without the library's words around an end of our patience.
func plainly(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// client asks repositories. What they answer is signed, so a mirror may send us
// elsewhere; but never from TLS to none, where others see what is asked.
var client = &http.Client{
	Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		ForceAttemptHTTP2:   true,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     10 * time.Second,
	},
	CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case len(via) > 3:
			return errors.New("it sends us on more than three times")
		case via[0].URL.Scheme == "https" && r.URL.Scheme != "https":
			return errors.New("it sends us on to an address without TLS")
		}
		return nil
	},
}

// fetcher is the updater's way out.
type fetcher struct{ ctx context.Context }

// DownloadFile implements go-tuf's fetcher.Fetcher. Where a repository cannot be
// reached or says that it is busy, it is asked three times.
func (f fetcher) DownloadFile(url string, most int64, _ time.Duration) ([]byte, error) {
	const tries = 3
	for try := 1; ; try++ {
		data, err := f.once(url, most)
		var status *metadata.ErrDownloadHTTP
		final := errors.As(err, &status) && status.StatusCode < 500 && status.StatusCode != http.StatusTooManyRequests ||
			errors.Is(err, &metadata.ErrDownloadLengthMismatch{})
		if err == nil || final || try == tries || f.ctx.Err() != nil {
			return data, err
		}
		select {
		case <-f.ctx.Done():
		case <-time.After(200 * time.Millisecond << (2 * (try - 1))):
		}
	}
}

func (f fetcher) once(url string, most int64) ([]byte, error) {
	r, err := http.NewRequestWithContext(f.ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "hallmark")
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: resp.StatusCode, URL: url}
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: fmt.Sprintf("%s has more than %d bytes", url, most)}
	}
	return data, nil
}
