package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/custody"
	"github.com/urfave/cli/v2"
)

func keyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "key", Usage: "sign with the private key in `FILE`, or with one that a key service keeps: awskms://…, pkcs11:…", EnvVars: []string{"HALLMARK_KEY"}},
		passwordFlag(),
	}
}

func passwordFlag() cli.Flag {
	return &cli.StringFlag{Name: "password-file", Usage: "read the key's password from `FILE`; else HALLMARK_PASSWORD, COSIGN_PASSWORD, or a terminal"}
}

func keyCommand(io console.IO) *cli.Command {
	var names []string
	for _, a := range sign.Algorithms() {
		names = append(names, string(a))
	}
	return &cli.Command{
		Name: "key", Usage: "make signing keys",
		Description: console.Examples("Makes signing keys.", "hallmark key generate --out release.key"),
		Subcommands: []*cli.Command{{
			Name: "generate", Usage: "make a signing key",
			Description: console.Examples(`Makes a private key, readable by you alone, and beside it FILE.pub, the public
key that consumers need. With a password it is written in the encrypted form
that cosign reads and writes, else as PKCS#8. A key is never overwritten.`,
				"hallmark key generate --out release.key",
				"HALLMARK_PASSWORD=… hallmark key generate --out release.key --encrypt"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "out", Value: "hallmark.key", Usage: "write the private key to `FILE`"},
				&cli.StringFlag{Name: "algorithm", Value: string(sign.ECDSAP256), Usage: "`NAME`: " + strings.Join(names, ", ")},
				&cli.BoolFlag{Name: "encrypt", Usage: "protect the key with a password"},
				passwordFlag(), console.Output("table", "json"),
			},
			Action: func(c *cli.Context) error {
				if err := noArguments(c); err != nil {
					return err
				}
				return generate(io, c, names)
			},
		}},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return console.Misused(fmt.Errorf("unknown command %q: known is generate", "key "+c.Args().First()))
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func generate(io console.IO, c *cli.Context, names []string) error {
	algorithm := sign.Algorithm(c.String("algorithm"))
	known := false
	for _, a := range sign.Algorithms() {
		known = known || a == algorithm
	}
	if !known {
		return console.Misused(fmt.Errorf("unknown algorithm %q%s", algorithm, didYouMean(string(algorithm), names)))
	}
	path := c.String("out")
	for _, p := range []string{path, path + ".pub"} {
		if _, err := os.Lstat(p); err == nil {
			return console.Misused(fmt.Errorf("%s exists: a key is never overwritten", p), "choose another file with: --out FILE")
		}
	}
	var pass []byte
	if c.Bool("encrypt") {
		var err error
		if pass, err = password(io, c, true)(); err != nil {
			return console.Misused(err)
		}
		if len(pass) == 0 {
			return console.Misused(errors.New("the password is empty"))
		}
	}
	defer clear(pass)
	key, err := sign.Generate(algorithm)
	if err != nil {
		return err
	}
	if err := key.Save(path, pass); err != nil {
		return err
	}
	if err := key.SavePublic(path + ".pub"); err != nil {
		// Half a pair is of no use, and nobody has used it yet.
		return errors.Join(err, os.Remove(path))
	}
	if c.String("output") == "json" {
		return io.JSON(map[string]string{
			"key": path, "publicKey": path + ".pub", "algorithm": string(key.Algorithm()), "digest": key.Digest().String(), "fingerprint": key.Fingerprint(),
		})
	}
	fmt.Fprintf(io.Out, "private key  %s (readable by you alone)\npublic key   %s\ndigest       %s\nkey hint     %s\n\nNext: keep the private key out of the repository, and sign with it\n  hallmark release --key %s\n", path, path+".pub", key.Digest(), key.Fingerprint(), quote(path))
	return nil
}

// password returns the function that asks for a key's password: a file, the
// environment, a terminal, in this order.
func password(io console.IO, c *cli.Context, twice bool) func() ([]byte, error) {
	return func() ([]byte, error) {
		if file := c.String("password-file"); file != "" {
			return passwordFile(file)
		}
		for _, name := range []string{"HALLMARK_PASSWORD", "COSIGN_PASSWORD"} {
			if v := io.Env(name); v != "" {
				return []byte(v), nil
			}
		}
		if io.Password == nil {
			return nil, errors.New("the key needs a password: give --password-file FILE or set HALLMARK_PASSWORD")
		}
		first, err := io.Password(c.Context, "password: ")
		if err != nil || !twice {
			return first, err
		}
		second, err := io.Password(c.Context, "again: ")
		if err != nil {
			return nil, err
		}
		defer clear(second)
		if !bytes.Equal(first, second) {
			return nil, errors.New("the passwords differ")
		}
		return first, nil
	}
}

// passwordFile reads a password and no more, from a file that is its owner's
// alone, or from a pipe, as a shell gives it for <(…).
func passwordFile(path string) ([]byte, error) {
	data, err := custody.ReadStream(path, 4096)
	if err != nil {
		return nil, fmt.Errorf("reading the password from %s: %w", path, err)
	}
	return bytes.TrimRight(data, "\r\n"), nil
}

// keptKey opens a key that a key service keeps.
func keptKey(io console.IO, c *cli.Context, ref string) (*sign.Key, error) {
	key, err := sign.OpenKMS(c.Context, ref, sign.KMSOptions{Env: io.Env, Tell: func(line string) {
		fmt.Fprintf(io.Err, "hallmark: key service: %s\n", line)
	}})
	switch {
	case err == nil, c.Context.Err() != nil:
		return key, err
	case errors.Is(err, sign.ErrKeyService):
		return nil, console.Unable(err)
	case errors.Is(err, sign.ErrNoPlugin):
		return nil, console.Misused(err, "or sign with a key in a file: --key FILE")
	}
	return nil, console.Misused(err)
}

// signingKey returns the key to sign with and says, for people, where it is: at
// path, or where that is empty the user's own, made on first use.
func signingKey(io console.IO, c *cli.Context, path string) (key *sign.Key, where string, err error) {
	if sign.IsKMS(path) {
		key, err = keptKey(io, c, path)
		return key, path, err
	}
	if path != "" {
		key, err = sign.LoadKey(path, password(io, c, false))
		if err != nil {
			return nil, "", console.Misused(fmt.Errorf("loading the signing key: %w", err))
		}
		return key, path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, "", console.Misused(fmt.Errorf("there is no place for a signing key: %w", err), "give one with: --key FILE")
	}
	path = filepath.Join(dir, "hallmark", "signing.key")
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, "", console.Unable(fmt.Errorf("making a signing key: %w", err), "give one with: --key FILE")
		}
		fresh, err := sign.Generate(sign.ECDSAP256)
		if err != nil {
			return nil, "", err
		}
		switch err := fresh.Save(path, nil); {
		case err == nil:
			return fresh, path + " (made now, readable by you alone)", nil
		case !errors.Is(err, fs.ErrExist):
			return nil, "", console.Unable(fmt.Errorf("making a signing key: %w", err), "give one with: --key FILE")
		}
		// Another run made it first: that one it is.
	}
	key, err = sign.LoadKey(path, password(io, c, false))
	if err != nil {
		return nil, "", console.Misused(fmt.Errorf("loading the signing key: %w", err), "give another with: --key FILE")
	}
	return key, path + " (kept from before)", nil
}
