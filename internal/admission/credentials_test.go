package admission

import (
	"net/http"
	"testing"
)

// A registry that wants to know who asks, and a Pod that names a pull secret
// which nobody has: what could not be looked at is denied, and says why.
func TestPullSecretThatIsNot(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	s := w.server()
	w.set(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		rw.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		rw.WriteHeader(http.StatusUnauthorized)
	})
	pod := podObject(good)
	pod["spec"].(jsonObject)["imagePullSecrets"] = []jsonObject{{"name": "nowhere"}}
	r := askAbout(t, s, pod)
	mustDeny(t, "an image of a registry that asks for credentials", r, "could not tell", "401 Unauthorized", "asks for credentials, and there are none for it")
}
