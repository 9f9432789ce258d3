package kms

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/common"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/encoding"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

var (
	// ErrNoPlugin means that no program asks the key service. Say which one is
	// expected and where it comes from.
	ErrNoPlugin = errors.New("there is no plug-in")
	// ErrService means that a key service, or its plug-in, was asked and gave
	// nothing that could be used. Trying again may help; nothing was signed.
	ErrService = errors.New("the key service gave no usable answer")
)

// fault is an [ErrService] in words.
type fault string

func (f fault) Error() string        { return string(f) }
func (f fault) Is(target error) bool { return target == ErrService }

// Options is what may differ between callers. Its zero value is good.
type Options struct {
	// Env looks up the secrets that a plug-in needs; default [os.Getenv]. No
	// plug-in is given another's.
	Env func(name string) string
	// Tell is told, line by line, what a plug-in writes to people, such as that
	// it waits for a finger. Without it the last line stands in the error.
	Tell func(line string)
	// Timeout is how long a plug-in may take for one answer; default a minute,
	// in which a person can touch a token.
	Timeout time.Duration
}

const defaultTimeout = time.Minute

// grace is how long a plug-in that was ended, or what it started, may keep its
// output open.
const grace = 2 * time.Second

// maxAnswer is some ten times the largest answer, an RSA key or an error's text.
const maxAnswer = 64 << 10

// Plugin asks a service about one key.
type Plugin struct {
	// mu is held while a token is asked: many take one session at a time, and
	// there is nothing to gain. Services may be asked at once.
	mu        sync.Mutex
	reference reference
	path      string
	env       []string
	options   Options
}

// Find returns the plug-in for the key that ref names. It asks nothing yet.
func Find(ref string, o Options) (*Plugin, error) {
	r, err := parse(ref)
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath(r.program())
	switch {
	case errors.Is(err, exec.ErrDot):
		return nil, fmt.Errorf("%w: %s was found by a relative entry of PATH, which is refused: whoever writes to the working folder would choose what runs", ErrNoPlugin, r.program())
	case err != nil:
		return nil, r.unknown()
	}
	if o.Env == nil {
		o.Env = os.Getenv
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	return &Plugin{reference: r, path: path, env: environment(r.service, o.Env), options: o}, nil
}

// Program is the plug-in's name, for people.
func (p *Plugin) Program() string { return p.reference.program() }

// PublicKey asks for the public key.
func (p *Plugin) PublicKey(ctx context.Context) (crypto.PublicKey, error) {
	o := encoding.PackPublicKeyOptions(nil)
	resp, err := p.call(ctx, crypto.SHA256, nil, func(deadline *time.Time) common.MethodArgs {
		o.RPCOptions.CtxDeadline = deadline
		return common.MethodArgs{MethodName: common.PublicKeyMethodName, PublicKey: &common.PublicKeyArgs{PublicKeyOptions: o}}
	})
	if err != nil {
		return nil, err
	}
	key, err := publicKey(resp)
	if err != nil {
		return nil, fault(p.Program() + " " + err.Error())
	}
	return key, nil
}

// Sign asks for a signature over data: a digest made with hash, or where hash is
// 0 the message itself. The signature has not been checked.
func (p *Plugin) Sign(ctx context.Context, data []byte, hash crypto.Hash) ([]byte, error) {
	var given []signature.SignOption
	message := data
	// A digest tells the service nothing of what is signed.
	if hash != 0 {
		given = []signature.SignOption{options.WithDigest(data), options.WithCryptoSignerOpts(hash)}
		message = nil
	}
	o := encoding.PackSignOptions(given)
	resp, err := p.call(ctx, hash, message, func(deadline *time.Time) common.MethodArgs {
		o.RPCOptions.CtxDeadline = deadline
		return common.MethodArgs{MethodName: common.SignMessageMethodName, SignMessage: &common.SignMessageArgs{SignOptions: o}}
	})
	if err != nil {
		return nil, err
	}
	sig, err := signatureOf(resp)
	if err != nil {
		return nil, fault(p.Program() + " " + err.Error())
	}
	return sig, nil
}

// call starts the plug-in with one question and waits for its answer.
func (p *Plugin) call(ctx context.Context, hash crypto.Hash, stdin []byte, method func(deadline *time.Time) common.MethodArgs) (*common.PluginResp, error) {
	if p.reference.service == pkcs11kms {
		p.mu.Lock()
		defer p.mu.Unlock()
	}
	within, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	deadline, _ := within.Deadline()
	m := method(&deadline)
	rpc := encoding.PackRPCOptions(nil)
	rpc.CtxDeadline = &deadline
	args, err := json.Marshal(common.PluginArgs{
		InitOptions: &common.InitOptions{
			CtxDeadline:     &deadline,
			ProtocolVersion: common.ProtocolVersion,
			KeyResourceID:   p.reference.key,
			HashFunc:        hash,
			RPCOptions:      rpc,
		},
		MethodArgs: &m,
	})
	if err != nil {
		return nil, err
	}
	hidden := secrets(p.env)
	out := &answer{stop: cancel}
	said := &teller{tell: p.options.Tell, secrets: hidden}
	cmd := exec.CommandContext(within, p.path, common.ProtocolVersion, string(args))
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.env, bytes.NewReader(stdin), out, said
	cmd.WaitDelay = grace
	err = cmd.Run()
	last := said.end()
	broken := func(format string, a ...any) error {
		text := fmt.Sprintf(format, a...)
		if last != "" && p.options.Tell == nil {
			text += "; it said: " + last
		}
		return fault(p.Program() + " " + text)
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, ctx.Err()
	case out.endless:
		return nil, broken("answers more than %d bytes", maxAnswer)
	case within.Err() != nil:
		return nil, broken("did not answer in time: %v are the most", p.options.Timeout)
	case errors.As(err, &exit) && !exit.Exited():
		return nil, broken("broke down: %v", exit)
	case err != nil && cmd.ProcessState == nil:
		return nil, broken("could not be started: %v", cause(err))
	}
	// What remains of err is an exit code, which the protocol ignores, or that
	// something still holds the output open, which changes nothing of it.
	var resp common.PluginResp
	if err := json.Unmarshal(out.data.Bytes(), &resp); err != nil {
		ended := ""
		if exit != nil {
			ended = fmt.Sprintf(" and exits with %d", exit.ExitCode())
		}
		if len(bytes.TrimSpace(out.data.Bytes())) == 0 {
			return nil, broken("answers nothing%s", ended)
		}
		return nil, broken("answers something else than JSON%s", ended)
	}
	if resp.ErrorMessage != "" {
		return nil, fault(p.Program() + ": " + show(resp.ErrorMessage, hidden))
	}
	return &resp, nil
}

// cause drops what was started from an error: its arguments are in it.
func cause(err error) error {
	var e *exec.Error
	if errors.As(err, &e) {
		return e.Err
	}
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// answer keeps what a plug-in answers, up to the limit. The buffer is not
// embedded: with its ReadFrom, copying would go past Write, and the limit.
type answer struct {
	data    bytes.Buffer
	stop    func()
	endless bool
}

func (a *answer) Write(p []byte) (int, error) {
	if a.data.Len()+len(p) > maxAnswer {
		a.endless = true
		a.stop()
		return 0, errors.New("too much")
	}
	return a.data.Write(p)
}

// publicKey reads the public key out of an answer.
func publicKey(resp *common.PluginResp) (crypto.PublicKey, error) {
	if resp.PublicKey == nil || len(resp.PublicKey.PublicKeyPEM) == 0 {
		return nil, errors.New("answers without a public key")
	}
	key, err := cryptoutils.UnmarshalPEMToPublicKey(resp.PublicKey.PublicKeyPEM)
	if err != nil {
		return nil, errors.New("answers a public key that is none")
	}
	return key, nil
}

// signatureOf reads the signature out of an answer.
func signatureOf(resp *common.PluginResp) ([]byte, error) {
	if resp.SignMessage == nil || len(resp.SignMessage.Signature) == 0 {
		return nil, errors.New("answers without a signature")
	}
	return resp.SignMessage.Signature, nil
}
