# Opens the file $1 in speedscope, and saves what its export button gives as $2.
set -eu
release=$CLIENTS/node_modules/speedscope/dist/release
page=../page.html
sed -e "s|@RELEASE@|$release|" -e "s|@SCRIPT@|$(cd "$release" && ls speedscope-*.js)|" "$page" > "$WORK/page.html"
printf 'speedscope.loadFileFromBase64("%s", "%s")' "$(basename "$1")" "$(base64 --wrap=0 "$1")" > "$WORK/file.js"
chromium --headless --no-sandbox --disable-gpu --enable-unsafe-swiftshader --user-data-dir="$WORK/chromium" \
    --virtual-time-budget=30000 --dump-dom "file://$WORK/page.html#localProfilePath=$WORK/file.js" > "$WORK/page.out" 2> "$WORK/page.err"
# The page writes it as the text of an element, in which three characters are escaped.
sed -n 's|.*<pre id="exported">\(.*\)</pre>.*|\1|p' "$WORK/page.out" | sed -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&amp;/\&/g' > "$2"
test -s "$2"
