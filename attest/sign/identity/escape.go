package identity

import (
	"strconv"
	"strings"
)

// Escape returns s as it may be shown to a person who decides by it: controls,
// and letters beyond ASCII that look like others, become \u0000 and the like.
// Nothing is left out, since what matters may stand at the end.
func Escape(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
