//! Compiles every `*.bpf.c` and links all into one object: families are folders, maps are shared.
use anyhow::Context as _;
use libbpf_cargo::SkeletonBuilder;
use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Folders of programs, in the order of linking: the object must not depend on directory order.
const FAMILIES: &[&str] = &["process", "net", "file", "system", "iter"];
const CFLAGS: &[&str] = &["-Iinclude", "-mcpu=v3", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"];

fn main() -> anyhow::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is unset")?);
    let clang = clang();
    println!("cargo:rerun-if-env-changed=CLANG");
    println!("cargo:rerun-if-changed=include");
    let object = out.join("guardbee.bpf.o");
    let mut linker = libbpf_rs::Linker::new(&object)?;
    for family in FAMILIES {
        println!("cargo:rerun-if-changed={family}");
        for source in sources(Path::new(family))? {
            let part = out.join(source.with_extension("o").to_string_lossy().replace('/', "_"));
            SkeletonBuilder::new()
                .source(&source)
                .obj(&part)
                .clang(&clang)
                .clang_args(CFLAGS)
                .build()
                .with_context(|| format!("compile {} with {}", source.display(), clang.display()))?;
            linker.add_file(&part)?;
        }
    }
    linker.link().context("link the programs into one object")
}

/// `$CLANG`, else clang-16, the oldest that keeps 64-bit enumerators in BTF, else whatever is called clang.
fn clang() -> OsString {
    env::var_os("CLANG").unwrap_or_else(|| {
        let found =
            Command::new("clang-16").arg("--version").output().is_ok_and(|output| output.status.success());
        OsString::from(if found { "clang-16" } else { "clang" })
    })
}

fn sources(family: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut sources: Vec<_> =
        fs::read_dir(family)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    sources
        .retain(|path| path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.ends_with(".bpf.c")));
    sources.sort();
    Ok(sources)
}
