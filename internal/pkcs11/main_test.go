package pkcs11

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/common"
)

// Whatever is asked, the answer is one JSON document that says what is wrong,
// and holds no PIN.
func TestQuestions(t *testing.T) {
	if err := available(); err != nil {
		t.Skip(err)
	}
	const named = `{"initOptions":{"protocolVersion":"v1","keyResourceID":"object=o","hashFunc":5,"rpcOptions":{}},`
	for _, tt := range []struct {
		version, question, want string
		code                    int
	}{
		{"v2", named + `"methodName":"defaultAlgorithm"}`, `version "v2"`, 1},
		{"v1", `garbage`, "not the JSON", 1},
		{"v1", `null`, "missing", 1},
		{"v1", `{}`, "missing", 1},
		{"v1", `{"methodName":"publicKey"}`, "missing", 1},
		{"v1", named + `"methodName":"publicKey"}`, "the arguments of publicKey are missing", 1},
		{"v1", named + `"methodName":"publicKey","publicKey":{}}`, "the arguments of publicKey are missing", 1},
		{"v1", named + `"methodName":"signMessage"}`, "the arguments of signMessage are missing", 1},
		{"v1", named + `"methodName":"signMessage","signMessage":{}}`, "the arguments of signMessage are missing", 1},
		{"v1", named + `"methodName":"verifySignature","verifySignature":{}}`, "the arguments of verifySignature are missing", 1},
		{"v1", named + `"methodName":"createKey"}`, "the arguments of createKey are missing", 1},
		{"v1", named + `"methodName":"exportKey"}`, "unsupported method", 1},
		{"v1", named + `"methodName":"publicKey","publicKey":{"publicKeyOptions":{"rpcOptions":{}}}}`, "no module is named", 1},
		{"v1", strings.Replace(named, "object=o", "object=o?pin-value=sesame", 1) + `"methodName":"defaultAlgorithm"}`, "pin-value is refused", 1},
		{"v1", named + `"methodName":"defaultAlgorithm"}`, "", 0},
		{"v1", named + `"methodName":"supportedAlgorithms"}`, "", 0},
	} {
		var out, errs bytes.Buffer
		code := Main([]string{"sigstore-kms-pkcs11kms", tt.version, tt.question}, strings.NewReader(""), &out, &errs, only("PKCS11_PIN", "sesame"))
		var resp common.PluginResp
		if err := json.Unmarshal(out.Bytes(), &resp); err != nil {
			t.Errorf("%s: the answer %q is no JSON: %v", tt.question, out.String(), err)
			continue
		}
		if code != tt.code || (resp.ErrorMessage == "") != (tt.want == "") || !strings.Contains(resp.ErrorMessage, tt.want) || strings.Contains(out.String()+errs.String(), "sesame") {
			t.Errorf("%s: %d, %q, want %d, %q", tt.question, code, resp.ErrorMessage, tt.code, tt.want)
		}
	}
}

// A person who starts it is told what it is.
func TestCalledByHand(t *testing.T) {
	var out, errs bytes.Buffer
	if code := Main([]string{"sigstore-kms-pkcs11kms", "--help"}, strings.NewReader(""), &out, &errs, nothing); code != 2 || out.Len() > 0 || !strings.Contains(errs.String(), "hallmark release --key") {
		t.Errorf("Main() = %d, %q, %q", code, out.String(), errs.String())
	}
}

func FuzzQuestion(f *testing.F) {
	f.Add(`{"initOptions":{"protocolVersion":"v1","keyResourceID":"object=o","hashFunc":5,"rpcOptions":{}},"methodName":"signMessage","signMessage":{"signOptions":{"rpcOptions":{},"messageOptions":{"digest":"AAAA","hashFunc":5}}}}`)
	f.Add(`{"initOptions":null}`)
	f.Add(`{"initOptions":{},"methodName":"verifySignature","verifySignature":{"verifyOptions":{}}}`)
	f.Fuzz(func(t *testing.T, question string) {
		if available() != nil {
			t.Skip("without cgo there is one answer")
		}
		if strings.Contains(question, "module-") {
			return // nothing is loaded here
		}
		var out, errs bytes.Buffer
		code := Main([]string{"sigstore-kms-pkcs11kms", "v1", question}, strings.NewReader(""), &out, &errs, nothing)
		var resp common.PluginResp
		if err := json.Unmarshal(out.Bytes(), &resp); err != nil {
			t.Fatalf("the answer %q is no JSON: %v", out.String(), err)
		}
		if (code == 0) != (resp.ErrorMessage == "") || resp.SignMessage != nil {
			t.Errorf("%s: %d, %+v", question, code, resp)
		}
	})
}
