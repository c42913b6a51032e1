//! throw-away
use loglift_guest_build::*;
fn main() {
    let t = Toolchain::find().unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::exit(1)
    });
    eprintln!("{t:?}");
    let a: Vec<String> = std::env::args().skip(1).collect();
    let w = Workspace::new(&a[0], &a[1]);
    let s = std::time::Instant::now();
    let names: Vec<&str> = a[2..].iter().map(String::as_str).collect();
    match w.components(&t, &names) {
        Ok(c) => eprintln!("{c:?}"),
        Err(e) => eprintln!("ERR {e}"),
    }
    eprintln!("{:?}", s.elapsed());
}
