package params

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"patgate/routes"
	"patgate/routes/params/refusal"
)

const fresh = "patgate-0123456789abcdef"

// field and file write one part as most clients do.
func field(name, value string) string {
	return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
}

func file(name, filename, value string) string {
	return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"" + filename +
		"\"\r\nContent-Type: application/octet-stream\r\n\r\n" + value + "\r\n"
}

func part(header, value string) string { return "--B\r\n" + header + "\r\n\r\n" + value + "\r\n" }

const closing = "--B--\r\n"

func uploadRow() *routes.Route {
	row := plainRow(map[string]routes.ParamRule{
		":action": routes.ParamPass, "classifiers": routes.ParamRepeat, "override.token": routes.ParamPass, "forbidden": routes.ParamRefuse,
	})
	row.Targets = []routes.Target{{Param: "namespace", Ref: routes.RefNamespace}}
	return row
}

// sendMultipart reads and writes a body; ids are given to the targets in their order, from 1000 on.
func sendMultipart(row *routes.Route, src io.Reader) (*Set, string, error) {
	s := newSet(row, projectPath("1"))
	m, err := s.Multipart(src, []byte("B"))
	if err != nil {
		return s, "", err
	}
	var with [][]byte
	for i := range s.Targets {
		with = append(with, strconv.AppendInt(nil, int64(1000+i), 10))
	}
	if err := s.Resolve(1, with); err != nil {
		return s, "", err
	}
	var out bytes.Buffer
	err = m.Copy(&out, fresh)
	return s, out.String(), err
}

func TestMultipartIsReadStrictly(t *testing.T) {
	secret := "patgate_0123456789abcdefghij"
	for _, c := range []struct {
		name, body string
		want       refusal.Code
	}{
		{"one field", field("title", "x") + closing, refusal.CodeNone},
		{"fields and a file", field("title", "x") + file("file", "a.txt", "hello") + closing, refusal.CodeNone},
		{"a field behind a file", file("file", "a.txt", "hello") + field("title", "x") + closing, refusal.CodeNone},
		{"two files", file("file", "a", "1") + file("logo", "b", "2") + closing, refusal.CodeNone},
		{"an empty field", field("title", "") + closing, refusal.CodeNone},
		{"no line end at the end", field("title", "") + "--B--", refusal.CodeNone},
		{"no filename, as text", part("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=UTF-8", "x") +
			closing, refusal.CodeNone},
		{"names without quotes", part("content-disposition: form-data;name=package;filename=p.nupkg;filename*=utf-8''p.nupkg", "x") +
			closing, refusal.CodeNone},
		{"twine", field(":action", "file_upload") + field("classifiers", "a") + field("classifiers", "b") +
			file("content", "p.whl", "x") + closing, refusal.CodeNone},
		{"the boundary inside a line", field("title", "a--B b\n--B\n") + closing, refusal.CodeNone},
		{"the path's id", field("id", "1") + file("file", "a", "x") + closing, refusal.CodeNone},

		{"nothing", "", refusal.CodeMultipart},
		{"no part", closing, refusal.CodeMultipart},
		{"a preamble", "x\r\n" + field("title", "x") + closing, refusal.CodeMultipart},
		{"an empty line in front", "\r\n" + field("title", "x") + closing, refusal.CodeMultipart},
		{"an epilogue", field("title", "x") + closing + "x", refusal.CodeMultipart},
		{"a second closing line end", field("title", "x") + closing + "\r\n", refusal.CodeMultipart},
		{"cut off in a field", field("title", "x"), refusal.CodeMultipart},
		{"cut off in a file", file("file", "a", "x"), refusal.CodeMultipart},
		{"cut off in the headers", "--B\r\nContent-Disposition: form-data", refusal.CodeMultipart},
		{"another boundary", strings.ReplaceAll(field("title", "x")+closing, "--B", "--C"), refusal.CodeMultipart},
		{"blanks behind the boundary", "--B \r\n" + field("title", "x")[5:] + closing, refusal.CodeMultipart},
		{"a line feed behind the boundary", "--B\n" + field("title", "x")[5:] + closing, refusal.CodeMultipart},
		{"line feeds only", strings.ReplaceAll(field("title", "x")+closing, "\r\n", "\n"), refusal.CodeMultipart},
		{"a longer boundary in the content", field("title", "x\r\n--Bx") + closing, refusal.CodeMultipart},
		{"a longer boundary in a file", file("file", "a", "x\r\n--Bx") + closing, refusal.CodeMultipart},

		{"a boundary where the content begins", part("Content-Disposition: form-data; name=a", "--B") + closing, refusal.CodeMultipart},
		{"no header", "--B\r\n\r\n\r\nx\r\n" + closing, refusal.CodeMultipart},
		{"no Content-Disposition", part("Content-Type: text/plain", "x") + closing, refusal.CodeMultipart},
		{"two Content-Dispositions", part("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b", "x") +
			closing, refusal.CodeMultipart},
		{"two Content-Types", part("Content-Disposition: form-data; name=a\r\nContent-Type: text/plain\r\nContent-Type: text/plain",
			"x") + closing, refusal.CodeMultipart},
		{"Content-Transfer-Encoding", part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", "x") + closing,
			refusal.CodeMultipart},
		{"quoted-printable", part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable", "x") + closing,
			refusal.CodeMultipart},
		{"OkHttp", part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: binary\r\nContent-Length: 1", "x") +
			closing, refusal.CodeNone},
		{"HttpMime", part("Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit", "x") + closing, refusal.CodeNone},
		{"HttpMime, with more than ASCII", part("Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=ISO-8859-1",
			"\xe9") + closing, refusal.CodeMultipart},
		{"HttpMime, with more than ASCII that is UTF-8 too", file("file", "a", "x") +
			part("Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=US-ASCII", "\u00e9") + closing,
			refusal.CodeMultipart},
		{"a part of a mail", part("MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nContent-Disposition: form-data; name=a", "x") +
			closing, refusal.CodeNone},
		{"Content-ID", part("Content-Disposition: form-data; name=a\r\nContent-ID: <sudo>", "x") + closing, refusal.CodeMultipart},
		{"a folded header", part("Content-Disposition: form-data;\r\n name=a", "x") + closing, refusal.CodeMultipart},
		{"a blank before the colon", part("Content-Disposition : form-data; name=a", "x") + closing, refusal.CodeMultipart},
		{"a line feed in a header", part("Content-Disposition: form-data; name=a\nX: y", "x") + closing, refusal.CodeMultipart},
		{"an attachment", part("Content-Disposition: attachment; name=a", "x") + closing, refusal.CodeMultipart},
		{"no name", part("Content-Disposition: form-data", "x") + closing, refusal.CodeMultipart},
		{"an empty name", part(`Content-Disposition: form-data; name=""`, "x") + closing, refusal.CodeMultipart},
		{"two names", part(`Content-Disposition: form-data; name=a; name=b`, "x") + closing, refusal.CodeMultipart},
		{"name*", part(`Content-Disposition: form-data; name*=utf-8''sudo; name=a`, "x") + closing, refusal.CodeMultipart},
		{"an escape in the name", part(`Content-Disposition: form-data; name="a\"b"`, "x") + closing, refusal.CodeMultipart},
		{"an open quote", part(`Content-Disposition: form-data; name="a`, "x") + closing, refusal.CodeMultipart},
		{"text behind the quote", part(`Content-Disposition: form-data; name="a"b`, "x") + closing, refusal.CodeMultipart},
		{"an empty parameter", part(`Content-Disposition: form-data; name="a";`, "x") + closing, refusal.CodeMultipart},
		{"an empty filename", file("file", "", "x") + closing, refusal.CodeMultipart},
		{"a quotation mark in the filename", file("file", `a\"b`, "x") + closing, refusal.CodeNone},
		{"another escape in the filename", file("file", `a\b`, "x") + closing, refusal.CodeMultipart},
		{"a backslash in the filename", file("file", `a\\b`, "x") + closing, refusal.CodeMultipart},
		{"an escape that does not end the filename", file("file", `a\`, "x") + closing, refusal.CodeMultipart},
		{"a per cent sign in the filename", file("file", `100%.png`, "x") + closing, refusal.CodeNone},
		{"what looks like an escape in the filename", file("file", `a%2Fb`, "x") + closing, refusal.CodeNone},
		{"a control character in filename*", part("Content-Disposition: form-data; name=a; filename*=utf-8''a%0Ab", "x") + closing,
			refusal.CodeMultipart},
		{"a slash in filename*", part("Content-Disposition: form-data; name=a; filename*=utf-8''a%2Fb", "x") + closing,
			refusal.CodeMultipart},
		{"half an escape in filename*", part("Content-Disposition: form-data; name=a; filename*=utf-8''a%2", "x") + closing,
			refusal.CodeMultipart},
		{"half a character in filename*", part("Content-Disposition: form-data; name=a; filename*=utf-8''%C3", "x") + closing,
			refusal.CodeMultipart},
		{"another charset of filename*", part("Content-Disposition: form-data; name=a; filename*=iso-8859-1''a", "x") + closing,
			refusal.CodeMultipart},
		{"filename* in two forms", part("Content-Disposition: form-data; name=a; filename=\"é\"; filename*=utf-8''%C3%A9", "x") + closing,
			refusal.CodeNone},
		{"a slash in the filename", file("file", `../a`, "x") + closing, refusal.CodeMultipart},
		{"a filename* that says something else", part("Content-Disposition: form-data; name=a; filename=b; filename*=utf-8''c", "x") +
			closing, refusal.CodeMultipart},
		{"a filename* alone", part("Content-Disposition: form-data; name=a; filename*=utf-8''c", "x") + closing, refusal.CodeNone},
		{"a field in another charset", part("Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=utf-16", "x") +
			closing, refusal.CodeMultipart},
		{"a field of another type", part("Content-Disposition: form-data; name=a\r\nContent-Type: application/json", "{}") + closing,
			refusal.CodeMultipart},
		{"a file that is multipart",
			part("Content-Disposition: form-data; name=a; filename=b\r\nContent-Type: multipart/mixed; boundary=C", "x") + closing,
			refusal.CodeMultipart},
		{"long headers", part("Content-Disposition: form-data; name=\""+strings.Repeat("a", 5000)+"\"", "x") + closing,
			refusal.CodeMultipart},

		{"_method", field("_method", "DELETE") + closing, refusal.CodeReserved},
		{"_method behind a file", file("file", "a", "x") + field("_method", "DELETE") + closing, refusal.CodeReserved},
		{"[_method]", field("[_method]", "DELETE") + closing, refusal.CodeName},
		{"sudo", field("sudo", "root") + closing, refusal.CodeReserved},
		{"sudo behind a file", file("file", "a", "x") + field("sudo", "root") + closing, refusal.CodeReserved},
		{"sudo as a file", file("sudo", "a", "root") + closing, refusal.CodeReserved},
		{"sudo as a second file", file("file", "a", "x") + file("sudo", "a", "root") + closing, refusal.CodeReserved},
		{"private_token behind a file", file("file", "a", "x") + field("private_token", "x") + closing, refusal.CodeReserved},
		{"a member that is declared", field("override[token]", "x") + closing, refusal.CodeNone},
		{"a percent escape is no escape here", field("%73udo", "root") + closing, refusal.CodeName},
		{"Workhorse's own field", field("file.path", "/etc/passwd") + closing, refusal.CodeName},
		{"an identifier", field("project_path", "x") + closing, refusal.CodeIdentifier},
		{"an identifier behind a file", file("file", "a", "x") + field("project_path", "x") + closing, refusal.CodeIdentifier},
		{"a refused field behind a file", file("file", "a", "x") + field("forbidden", "x") + closing, refusal.CodeDeclaredRefused},
		{"a target", field("namespace", "g/h") + file("file", "a", "x") + closing, refusal.CodeNone},
		{"a target behind a file", file("file", "a", "x") + field("namespace", "g/h") + closing, refusal.CodeLate},
		{"the path's id behind a file", file("file", "a", "x") + field("id", "1") + closing, refusal.CodeLate},
		{"a target as a file", file("namespace", "a", "7") + closing, refusal.CodeShape},
		{"a target as a list", field("namespace[]", "7") + closing, refusal.CodeShape},
		{"a bad target", field("namespace", "7\n") + closing, refusal.CodeReference},
		{"a duplicate", field("title", "x") + field("title", "y") + closing, refusal.CodeDuplicate},
		{"a duplicate behind a file", field("title", "x") + file("file", "a", "x") + field("title", "y") + closing, refusal.CodeDuplicate},
		{"a duplicate as a file", field("title", "x") + file("title", "a", "x") + closing, refusal.CodeDuplicate},
		{"a list behind a file", field("a[]", "x") + file("file", "a", "x") + field("a[]", "y") + closing, refusal.CodeNone},
		{"a value and a list", field("a", "x") + file("file", "a", "x") + field("a[]", "y") + closing, refusal.CodeShape},
		{"NUL in a field", field("title", "\x00") + closing, refusal.CodeControl},
		{"NUL in a field behind a file", file("file", "a", "x") + field("title", "\x00") + closing, refusal.CodeControl},
		{"NUL in a file", file("file", "a", "\x00\xff") + closing, refusal.CodeNone},
		{"invalid UTF-8 in a field", field("title", "\xff") + closing, refusal.CodeUTF8},
		{"a token in a field", field("title", secret) + closing, refusal.CodeSecret},
		{"a token in a field behind a file", file("file", "a", "x") + field("title", secret) + closing, refusal.CodeSecret},
		{"a token as a file name", file("file", secret, "x") + closing, refusal.CodeSecret},
		{"a large field", field("title", strings.Repeat("x", MaxField)) + closing, refusal.CodeNone},
		{"a field that is too large", field("title", strings.Repeat("x", MaxField+1)) + closing, refusal.CodeTooLarge},
		{"a field behind a file that is too large", file("file", "a", "x") + field("title", strings.Repeat("x", MaxField+1)) + closing,
			refusal.CodeTooLarge},
		{"a large file", file("file", "a", strings.Repeat("x\r\n--", 100_000)) + closing, refusal.CodeNone},
		{"too many parts", strings.Repeat(field("a[]", "x"), MaxPairs+1) + closing, refusal.CodeTooMany},
		{"too many parts behind a file", file("file", "a", "x") + strings.Repeat(field("a[]", "x"), MaxPairs) + closing,
			refusal.CodeTooMany},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, out, err := sendMultipart(uploadRow(), reader(c.body))
			wantCode(t, err, c.want)
			if err != nil && strings.Contains(out, "--"+fresh+"--") {
				t.Error("the closing boundary was written")
			}
			if len(c.body) > 10_000 {
				return
			}
			again, slow, err := sendMultipart(uploadRow(), iotest.OneByteReader(reader(c.body)))
			wantCode(t, err, c.want)
			if c.want == refusal.CodeNone && (slow != out || len(again.Targets) != len(s.Targets)) {
				t.Errorf("read byte by byte it is\n%s, not\n%s", slow, out)
			}
		})
	}
}

func TestMultipartIsWrittenInOneForm(t *testing.T) {
	body := field("namespace", "g/h") + field("id", "1") +
		part("content-type:text/plain;charset=utf-8\r\ncontent-disposition:form-data;name=title", "a\r\nb") +
		part("Content-Disposition: FORM-DATA; filename=\"é;.txt\"; name=file\r\nContent-Type: image/png; x=\"y\"", "\r\n\r\n") +
		field("late", "x") + "--B--"
	want := "--F\r\nContent-Disposition: form-data; name=\"namespace\"\r\n\r\n1000\r\n" +
		"--F\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n1\r\n" +
		"--F\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\na\r\nb\r\n" +
		"--F\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''%C3%A9%3B.txt\r\nContent-Type: image/png; x=\"y\"\r\n\r\n\r\n\r\n\r\n" +
		"--F\r\nContent-Disposition: form-data; name=\"late\"\r\n\r\nx\r\n--F--\r\n"
	_, out, err := sendMultipart(uploadRow(), reader(body))
	if err != nil || strings.ReplaceAll(out, fresh, "F") != want {
		t.Errorf("wrote\n%s\n%v", out, err)
	}
}

func TestMultipartLimitsFollowTheRow(t *testing.T) {
	row := uploadRow()
	fields := ""
	for i := range 17 {
		fields += field(fmt.Sprintf("a%d", i), strings.Repeat("x", MaxField))
	}
	_, _, err := sendMultipart(row, reader(fields+closing))
	wantCode(t, err, refusal.CodeTooLarge)
	row.Body.Limit = 2 << 20
	_, _, err = sendMultipart(row, reader(fields+field("readme", strings.Repeat("x", 200_000))+closing))
	wantCode(t, err, refusal.CodeNone)
}

func TestMultipartErrorsThatAreNoRefusals(t *testing.T) {
	var r *refusal.Refusal
	t.Run("the source fails", func(t *testing.T) {
		_, _, err := sendMultipart(uploadRow(), io.MultiReader(reader(file("file", "a", "x")), iotest.ErrReader(errors.New("gone"))))
		if err == nil || errors.As(err, &r) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the destination fails", func(t *testing.T) {
		s := newSet(uploadRow(), nil)
		m, err := s.Multipart(reader(field("a", "x")+file("file", "a", "x")+closing), []byte("B"))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Copy(failing{}, fresh); err == nil || errors.As(err, &r) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nothing was resolved", func(t *testing.T) {
		s := newSet(uploadRow(), nil)
		m, err := s.Multipart(reader(field("namespace", "1")+closing), []byte("B"))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Copy(io.Discard, fresh); !errors.Is(err, ErrUnresolved) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a bad boundary of the caller", func(t *testing.T) {
		s := newSet(uploadRow(), nil)
		m, err := s.Multipart(reader(field("a", "1")+closing), []byte("B"))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Copy(io.Discard, "a b"); err == nil || errors.As(err, &r) {
			t.Errorf("got %v", err)
		}
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("closed") }

// seenPart is a part as the standard library reads it.
type seenPart struct{ name, filename, contentType, body string }

func readParts(t *testing.T, body io.Reader, boundary string) []seenPart {
	t.Helper()
	r := multipart.NewReader(body, boundary)
	var parts []seenPart
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatalf("mime/multipart does not read it: %v", err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		contentType := p.Header.Get("Content-Type")
		if p.FileName() == "" {
			contentType = ""
		}
		parts = append(parts, seenPart{p.FormName(), p.FileName(), contentType, string(content)})
	}
}

func TestWhatTheStandardLibraryWritesIsRead(t *testing.T) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.WriteField("title", "x"))
	f, err := w.CreateFormFile("file", "a b.txt")
	must(err)
	_, err = f.Write([]byte("content"))
	must(err)
	h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="logo"; filename="l.png"`}, "Content-Type": {"image/png"}}
	f, err = w.CreatePart(h)
	must(err)
	_, err = f.Write([]byte{0, 1, 2})
	must(err)
	must(w.Close())
	req, err := http.NewRequest("POST", "http://x/", nil)
	must(err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	b, err := BodyOf(uploadRow(), "POST", BodyHeader{Present: true, ContentType: []byte(w.FormDataContentType())})
	must(err)
	before := body.String()
	s := newSet(uploadRow(), nil)
	m, err := s.Multipart(&body, b.Boundary)
	must(err)
	var out bytes.Buffer
	must(m.Copy(&out, fresh))
	if got, want := readParts(t, &out, fresh), readParts(t, reader(before), w.Boundary()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzMultipart(f *testing.F) {
	for _, seed := range []string{
		field("title", "x") + closing, field("namespace", "g/h") + file("file", "a", "content") + field("late", "y") + closing,
		file("file", "a", "x\r\n--") + closing, part("Content-Disposition: form-data; name=a; filename=b; filename*=utf-8''b", "x") +
			closing,
		file("file", `a\"; name=sudo; x=%41`, "x") + closing, part("Content-Disposition: form-data; name=a; filename*=utf-8''b%25%22",
			"x") + closing,
		field("_method", "x") + closing, field("a[]", "x") + field("a[]", "y") + closing, "--B\n", closing, field("id", "1") + "--B--",
		part("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain", "x") + closing, field("title", "\r\n--B") + closing,
		field("title", "--B") + closing,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, out, err := sendMultipart(uploadRow(), bytes.NewReader(body))
		if err != nil {
			var r *refusal.Refusal
			if !errors.As(err, &r) {
				t.Fatalf("no refusal: %v", err)
			}
			if strings.Contains(out, "\r\n--"+fresh+"--\r\n") && !bytes.Contains(body, []byte(fresh)) {
				t.Fatal("a refused body was closed")
			}
			return
		}
		before, after := readParts(t, bytes.NewReader(body), "B"), readParts(t, reader(out), fresh)
		target := 0
		for i := range before {
			switch before[i].name {
			case "namespace":
				before[i].body = strconv.Itoa(1000 + target)
				target++
			case "id", "project_id":
				before[i].body = "1"
			}
		}
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%q became %q", before, after)
		}
		again, twice, err := sendMultipart(uploadRow(), strings.NewReader(strings.ReplaceAll(out, fresh, "B")))
		if err != nil && !bytes.Contains(body, []byte("--B")) {
			t.Fatalf("%q: read again: %v", out, err)
		}
		if err == nil && (twice != out || len(again.Targets) != len(s.Targets)) {
			t.Fatalf("%q written again is %q", out, twice)
		}
	})
}
