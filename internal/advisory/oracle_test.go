package advisory

import (
	"archive/zip"
	"io"
	"testing"
)

// Records of PyPI spell out the versions that their ranges hold: whoever wrote
// them evaluated the ranges in another program. Of all versions that any record
// names of a package, those listed are in the ranges, and the others are not, but
// for the few records that disagree with themselves.
func TestListsAgreeWithRanges(t *testing.T) {
	z, err := zip.OpenReader(realData(t, "osv/pypi-yaml.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var records []*record
	versions := make(map[string]map[string]bool)
	for _, f := range z.File {
		if !isRecord(f.Name) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := parseRecord(f.Name, data)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rec)
		for _, a := range rec.Affected {
			name := normal("PyPI", a.Package.Name)
			if versions[name] == nil {
				versions[name] = make(map[string]bool)
			}
			for _, v := range a.Versions {
				versions[name][v] = true
			}
		}
	}
	asked, missed, extra := 0, 0, 0
	for i, rec := range records {
		if i%5 != 0 { // all of them take long
			continue
		}
		for _, a := range rec.Affected {
			listed := make(map[string]bool)
			for _, v := range a.Versions {
				listed[v] = true
			}
			if len(listed) == 0 {
				continue
			}
			var ranges []affectedRange
			for _, r := range a.Ranges {
				if r.Type != "GIT" {
					ranges = append(ranges, newRange("PyPI", r))
				}
			}
			if len(ranges) == 0 {
				continue
			}
			for text := range versions[normal("PyPI", a.Package.Name)] {
				v, err := order{"PyPI"}.parse(text)
				if err != nil {
					continue
				}
				in := false
				for _, r := range ranges {
					if r.unordered {
						t.Fatalf("%s: a range cannot be ordered", rec.ID)
					}
					held, _, err := r.holds(v)
					if err != nil {
						t.Fatal(err)
					}
					in = in || held
				}
				asked++
				switch {
				case listed[text] && !in:
					missed++
				case in && !listed[text]:
					extra++
				}
			}
		}
	}
	if asked < 10_000 {
		t.Fatalf("%d versions were asked about, expected more", asked)
	}
	if missed*1000 > asked || extra*50 > asked {
		t.Errorf("of %d versions %d are listed and in no range, expected at most 1 in 1,000, and %d are in a range and not listed, expected at most 1 in 50", asked, missed, extra)
	}
}
