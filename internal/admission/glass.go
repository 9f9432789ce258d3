package admission

import (
	"slices"
	"strings"
)

// glass says whether break-glass is asked for by who may, and why. fault says
// why a request with the annotation is denied whatever its images are: who may
// not use it may not put it where a controller would hand it on.
//
// On an update, the annotation that was there before is nobody's doing: it
// neither admits anything nor denies it.
func glass(b BreakGlass, r *request, w, before *workload) (why string, asked bool, fault string) {
	why, there := w.notes[b.Annotation]
	if !there {
		return "", false, ""
	}
	may := slices.ContainsFunc(b.Groups, func(g string) bool { return slices.Contains(r.User.Groups, g) }) ||
		slices.Contains(b.Controllers, r.User.Username)
	if !may {
		if before != nil {
			if old, ok := before.notes[b.Annotation]; ok && old == why {
				return "", false, ""
			}
		}
		return "", false, "annotation " + b.Annotation + " is for the groups that " + FileName + " names under breakGlass, and " + quote(r.User.Username) + " is in none of them"
	}
	why = printable(strings.TrimSpace(why))
	if why == "" {
		return "", false, "annotation " + b.Annotation + " is empty: it says why what is not verified has to run"
	}
	return why, true, ""
}
