package identity

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
)

// systemBrowser returns what opens a page in the browser of whoever sits there.
//
// What it starts is given neither our input nor our output: an answer on
// standard output must stay the answer.
func systemBrowser(env func(string) string) func(context.Context, string) error {
	return func(_ context.Context, page string) error {
		var name string
		var args []string
		switch runtime.GOOS {
		case "darwin":
			name = "open"
		case "windows":
			name, args = "rundll32", []string{"url.dll,FileProtocolHandler"}
		default:
			// Without a desktop, xdg-open starts a browser for text terminals.
			if env("DISPLAY") == "" && env("WAYLAND_DISPLAY") == "" && env("BROWSER") == "" && env("WSL_DISTRO_NAME") == "" {
				return errors.New("there is no desktop")
			}
			name = "xdg-open"
		}
		path, err := exec.LookPath(name)
		if err != nil {
			return errors.New(name + " is not found")
		}
		// It may stay as long as the browser does, so it neither ends with us nor
		// is waited for.
		cmd := exec.Command(path, append(args, page)...)
		if err := cmd.Start(); err != nil {
			return errors.New(name + " cannot be started")
		}
		go func() { _ = cmd.Wait() }()
		return nil
	}
}
