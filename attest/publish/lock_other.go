//go:build !(linux || darwin || freebsd || openbsd || netbsd || dragonfly)

package publish

import "context"

func lock(ctx context.Context, dir string) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return lockFile(dir)
}
