//! SQLite's default VFS, but for `xSync`, which fails when told to.

use std::ffi::{c_char, c_int, CString};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::OnceLock;

use rusqlite::ffi;

static FAIL: AtomicBool = AtomicBool::new(false);
static SYNCS: AtomicUsize = AtomicUsize::new(0);
static DEFAULT: OnceLock<usize> = OnceLock::new();

/// From now on every sync fails, or none.
pub fn fail(fail: bool) {
    FAIL.store(fail, Ordering::SeqCst);
}

/// How often a sync was asked for.
pub fn syncs() -> usize {
    SYNCS.load(Ordering::SeqCst)
}

/// The methods of one open file, followed by where its real ones are.
#[repr(C)]
struct Methods {
    ours: ffi::sqlite3_io_methods,
    theirs: *const ffi::sqlite3_io_methods,
}

fn default_vfs() -> *mut ffi::sqlite3_vfs {
    DEFAULT.get().copied().unwrap_or(0) as *mut ffi::sqlite3_vfs
}

/// Opens with the default VFS, then puts our methods in front of the file's.
unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: the arguments are SQLite's own; `file` has room for the default VFS's file, as our `szOsFile` is its.
    unsafe {
        let vfs = default_vfs();
        let Some(open) = (*vfs).xOpen else {
            return ffi::SQLITE_CANTOPEN;
        };
        let code = open(vfs, name, file, flags, out_flags);
        let theirs = (*file).pMethods;
        if code == ffi::SQLITE_OK && !theirs.is_null() {
            let mut ours = *theirs;
            ours.xSync = Some(sync);
            // Lives as long as the test: files are few.
            (*file).pMethods = &raw const Box::leak(Box::new(Methods { ours, theirs })).ours;
        }
        code
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    SYNCS.fetch_add(1, Ordering::SeqCst);
    if FAIL.load(Ordering::SeqCst) {
        return ffi::SQLITE_IOERR_FSYNC;
    }
    // SAFETY: `open` put a `Methods` behind every file that has this method.
    unsafe {
        let methods = (*file).pMethods.cast::<Methods>();
        match (*(*methods).theirs).xSync {
            Some(sync) => sync(file, flags),
            None => ffi::SQLITE_OK,
        }
    }
}

/// Registers the VFS; its name.
pub fn register() -> String {
    let name = CString::new("failing-sync").expect("no zero byte");
    // SAFETY: the default VFS is never unregistered; our copy and its name are leaked and so outlive every connection.
    unsafe {
        let vfs = ffi::sqlite3_vfs_find(std::ptr::null());
        assert!(!vfs.is_null(), "SQLite has a default VFS");
        DEFAULT.get_or_init(|| vfs as usize);
        let mut ours = *vfs;
        ours.zName = name.clone().into_raw();
        ours.xOpen = Some(open);
        ours.pNext = std::ptr::null_mut();
        let code = ffi::sqlite3_vfs_register(Box::leak(Box::new(ours)), 0);
        assert_eq!(code, ffi::SQLITE_OK);
    }
    name.into_string().expect("ASCII")
}
