//! Byte streams of plain and packed files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::error::DataError;
use crate::table::format::Packing;

const BUFFER: usize = 256 << 10;

/// Opens a text file and unpacks it while reading.
///
/// A text file that starts with the magic bytes of gzip or Zstandard is unpacked whatever its name says.
pub fn open_text(path: &Path, packing: Packing) -> Result<Box<dyn BufRead + Send>, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    if file
        .metadata()
        .map_err(DataError::io("open", path))?
        .is_dir()
    {
        return Err(DataError::file(path, "is a directory, expected a file"));
    }
    let mut file = BufReader::with_capacity(BUFFER, file);
    let magic = file.fill_buf().map_err(DataError::io("read", path))?;
    let packing = match magic {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        _ if packing == Packing::Plain => Packing::Plain,
        _ => {
            return Err(DataError::file(
                path,
                "is not packed as its name says: damaged or empty",
            ))
        }
    };
    Ok(match packing {
        Packing::Plain => Box::new(file),
        Packing::Gzip => Box::new(BufReader::with_capacity(
            BUFFER,
            flate2::bufread::MultiGzDecoder::new(file),
        )),
        Packing::Zstd => Box::new(BufReader::with_capacity(
            BUFFER,
            zstd::Decoder::with_buffer(file).map_err(DataError::io("unpack", path))?,
        )),
    })
}

/// Reads one line of at most `limit` bytes into `line`, without its end; false at the end of the file.
pub fn read_line(reader: &mut dyn BufRead, line: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
    line.clear();
    let read = Read::take(reader, limit as u64 + 1).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(false);
    }
    if line.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a line is longer than {} MiB", limit >> 20),
        ));
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    Ok(true)
}
