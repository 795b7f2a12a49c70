// Checks a log of dyepack with golang.org/x/mod/sumdb, and signs a checkpoint of its own for dyepack to read.
//
// Usage: check FOLDER LOG_KEY WITNESS_KEY INDEX...
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The time at which the witnesses of the test cosign, in seconds since 1970.
const seconds = 1772366400

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func read(path ...string) string {
	return string(must(os.ReadFile(filepath.Join(path...))))
}

// cosigner is C2SP cosignature/v1 as a verifier and signer of notes.
type cosigner struct {
	name   string
	public []byte
	secret ed25519.PrivateKey
}

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	hash := sha256.Sum256([]byte(c.name + "\n\x04" + string(c.public)))
	return binary.BigEndian.Uint32(hash[:])
}

func message(text []byte, time uint64) []byte {
	return append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", time)), text...)
}

func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 72 {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	return time == seconds && ed25519.Verify(c.public, message(text, time), signature[8:])
}

func (c cosigner) Sign(text []byte) ([]byte, error) {
	time := make([]byte, 8)
	binary.BigEndian.PutUint64(time, seconds)
	return append(time, ed25519.Sign(c.secret, message(text, seconds))...), nil
}

func (c cosigner) String() string {
	return fmt.Sprintf("%s+%08x+%s", c.name, c.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte{4}, c.public...)))
}

func parseCosigner(key string) cosigner {
	parts := strings.SplitN(key, "+", 3)
	public := must(base64.StdEncoding.DecodeString(parts[2]))
	if public[0] != 4 {
		log.Fatal("not a key that cosigns")
	}
	c := cosigner{name: parts[0], public: public[1:]}
	if c.String() != key {
		log.Fatalf("the key is %s, and not %s", c, key)
	}
	return c
}

// tree reads the three lines of a checkpoint.
func tree(text string) tlog.Tree {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		log.Fatal("a checkpoint has three lines")
	}
	return tlog.Tree{N: must(strconv.ParseInt(lines[1], 10, 64)), Hash: must(tlog.ParseHash(lines[2]))}
}

// tiles gives the files of C2SP tlog-tiles to Go's reader of tiles.
type tiles string

func (folder tiles) Height() int { return 8 }

func (folder tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range list {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data = append(data, []byte(read(string(folder), path)))
	}
	return data, nil
}

func (folder tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func hashes(lines []string) []tlog.Hash {
	var found []tlog.Hash
	for _, line := range lines {
		found = append(found, must(tlog.ParseHash(line)))
	}
	return found
}

func main() {
	folder, verifiers := os.Args[1], note.VerifierList(must(note.NewVerifier(os.Args[2])))
	opened := must(note.Open([]byte(read(folder, "current")), verifiers))
	head, older := tree(opened.Text), tree(must(note.Open([]byte(read(folder, "older")), verifiers)).Text)
	if read(folder, "ledger", "log", "checkpoint") != read(folder, "current") {
		log.Fatal("the log has another checkpoint")
	}
	fmt.Println("note ok")

	witness := parseCosigner(os.Args[3])
	both := note.VerifierList(must(note.NewVerifier(os.Args[2])), witness)
	if cosigned := must(note.Open([]byte(read(folder, "cosigned")), both)); len(cosigned.Sigs) != 2 {
		log.Fatal("a signature is missing")
	}
	fmt.Println("cosignature ok")

	reader := tlog.TileHashReader(head, tiles(filepath.Join(folder, "ledger", "log")))
	if must(tlog.TreeHash(head.N, reader)) != head.Hash {
		log.Fatal("another tree")
	}
	fmt.Println("tree ok")
	if must(tlog.TreeHash(older.N, reader)) != older.Hash {
		log.Fatal("another older tree")
	}
	fmt.Println("older tree ok")

	count := int64(0)
	for first := int64(0); first < head.N; first += 256 {
		path := fmt.Sprintf("%03d", first/256)
		if head.N-first < 256 {
			path += fmt.Sprintf(".p/%d", head.N-first)
		}
		bundle := []byte(read(folder, "ledger", "log", "tile", "entries", path))
		for len(bundle) > 0 {
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			stored := must(reader.ReadHashes([]int64{tlog.StoredHashIndex(0, count)}))
			if stored[0] != tlog.RecordHash(bundle[2:end]) {
				log.Fatalf("entry %d has another hash", count)
			}
			bundle, count = bundle[end:], count+1
		}
	}
	if count != head.N {
		log.Fatalf("%d entries", count)
	}
	fmt.Printf("%d entries ok\n", count)

	for _, index := range os.Args[4:] {
		lines, signed, _ := strings.Cut(read(folder, index+".tlog-proof"), "\n\n")
		of := tree(must(note.Open([]byte(signed), verifiers)).Text)
		split := strings.Split(lines, "\n")
		if split[0] != "c2sp.org/tlog-proof@v1" || split[2] != "index "+index {
			log.Fatal("not a proof of this entry")
		}
		leaf := must(base64.StdEncoding.DecodeString(strings.TrimPrefix(split[1], "extra ")))
		number := must(strconv.ParseInt(index, 10, 64))
		if err := tlog.CheckRecord(hashes(split[3:]), of.N, of.Hash, number, tlog.RecordHash(leaf)); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("proof %s ok\n", index)
	}

	lines, signed, _ := strings.Cut(read(folder, "request"), "\n\n")
	split := strings.Split(lines, "\n")
	of := tree(must(note.Open([]byte(signed), verifiers)).Text)
	if split[0] != fmt.Sprintf("old %d", older.N) {
		log.Fatal("not a proof from the older tree")
	}
	if err := tlog.CheckTree(hashes(split[1:]), of.N, of.Hash, older.N, older.Hash); err != nil {
		log.Fatal(err)
	}
	fmt.Println("consistency ok")

	secret, public, err := note.GenerateKey(rand.Reader, "go.example/log")
	if err != nil {
		log.Fatal(err)
	}
	key, cosign, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	own := cosigner{name: "go.example/witness", public: key, secret: cosign}
	text := fmt.Sprintf("go.example/log\n1\n%s\n", tlog.RecordHash(bytes.Repeat([]byte("x"), 9)))
	fmt.Printf("keys %s %s\n", public, own)
	os.Stdout.Write(must(note.Sign(&note.Note{Text: text}, must(note.NewSigner(secret)), own)))
}
