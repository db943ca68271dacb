# Builds programs/dhat_rs.rs into $WORK/target, with the crate that it is watched by.
set -eu
cat > "$WORK/Cargo.toml" <<'END'
[package]
name = "golden"
version = "0.0.0"
edition = "2024"

[[bin]]
name = "dhat_rs"
path = "dhat_rs.rs"

[dependencies]
dhat = "=0.3.3"

[profile.release]
debug = true
END
cp ../../programs/dhat_rs.rs ../../programs/shapes.rs "$WORK"
cargo build --quiet --release --manifest-path "$WORK/Cargo.toml" --target-dir "$WORK/target"
