package pkcs11

import (
	"errors"
	"fmt"
	"io"

	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/common"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
)

// Main answers one question and returns the exit code: 0 answered, 1 an error
// was answered, 2 not called as a plug-in.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	if len(args) != 3 {
		fmt.Fprint(stderr, `sigstore-kms-pkcs11kms signs with keys on PKCS #11 tokens. hallmark and cosign
start it; it has to be on PATH:

  PKCS11_PIN=… hallmark release --key 'pkcs11:token=release;object=signing?module-path=/usr/lib/softhsm/libsofthsm2.so'
  PKCS11_PIN=… cosign sign-blob --key 'pkcs11kms://token=release;object=signing?module-path=…' FILE
`)
		return 2
	}
	if err := available(); err != nil {
		_ = handler.WriteErrorResponse(stdout, err)
		fmt.Fprintln(stderr, err)
		return 2
	}
	return answer(args, stdin, stdout, env)
}

func answer(args []string, stdin io.Reader, stdout io.Writer, env func(string) string) int {
	fail := func(err error) int {
		_ = handler.WriteErrorResponse(stdout, err)
		return 1
	}
	asked, err := question(args)
	if err != nil {
		return fail(err)
	}
	u, err := ParseURI(asked.InitOptions.KeyResourceID)
	if err != nil {
		return fail(err)
	}
	resp, err := handler.Dispatch(stdout, stdin, asked, &key{uri: u, env: env, hash: asked.InitOptions.HashFunc})
	if err != nil || resp.ErrorMessage != "" {
		return 1
	}
	return 0
}

// question reads the arguments. Sigstore's half of the protocol goes on with
// what is missing until it breaks; here it is an error.
func question(args []string) (*common.PluginArgs, error) {
	if args[1] != common.ProtocolVersion {
		return nil, fmt.Errorf("reading the question: version %q of the protocol is not known, expected %q", args[1], common.ProtocolVersion)
	}
	asked, err := handler.GetPluginArgs(args)
	if err != nil {
		return nil, errors.New("reading the question: it is not the JSON that the protocol describes")
	}
	if asked.InitOptions == nil || asked.MethodArgs == nil {
		return nil, errors.New("reading the question: initOptions or methodName is missing")
	}
	missing := false
	switch asked.MethodName {
	case common.CreateKeyMethodName:
		missing = asked.CreateKey == nil
	case common.PublicKeyMethodName:
		missing = asked.PublicKey == nil || asked.PublicKey.PublicKeyOptions == nil
	case common.SignMessageMethodName:
		missing = asked.SignMessage == nil || asked.SignMessage.SignOptions == nil
	case common.VerifySignatureMethodName:
		missing = asked.VerifySignature == nil || asked.VerifySignature.VerifyOptions == nil
	}
	if missing {
		return nil, fmt.Errorf("reading the question: the arguments of %s are missing", asked.MethodName)
	}
	return asked, nil
}
