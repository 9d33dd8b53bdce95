#include "storage/head_file.hpp"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <xxhash.h>

#include "storage/codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr std::string_view kMagic = "PLUMBHD";
constexpr uint8_t kHeadFormat = 1;

std::string head_path(const std::string& directory) {
    return directory + "/" + std::string{kHeadFileName};
}

rocksdb::Status write_whole(rocksdb::FileSystem& files, const std::string& path,
                            const std::string& bytes) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    rocksdb::IOStatus status = files.NewWritableFile(path, rocksdb::FileOptions{}, &file, nullptr);
    if (!status.ok()) {
        return status;
    }
    const rocksdb::IOOptions options;
    status = file->Append(bytes, options, nullptr);
    if (status.ok()) {
        status = file->Fsync(options, nullptr);
    }
    const rocksdb::IOStatus closed = file->Close(options, nullptr);
    return status.ok() ? closed : status;
}

rocksdb::Status sync_directory(rocksdb::FileSystem& files, const std::string& directory) {
    std::unique_ptr<rocksdb::FSDirectory> handle;
    const rocksdb::IOOptions options;
    rocksdb::IOStatus status = files.NewDirectory(directory, options, &handle, nullptr);
    return status.ok()
               ? handle->FsyncWithDirOptions(
                     options, nullptr,
                     rocksdb::DirFsyncOptions(rocksdb::DirFsyncOptions::FsyncReason::kDefault))
               : status;
}

}  // namespace

std::string encode_head(const HeadFile& head) {
    std::string out{kMagic};
    put_u8(out, kHeadFormat);
    put_be32(out, head.format_version);
    put_u8(out, head.buffered ? 1 : 0);
    put_be64(out, head.block_num);
    put_bytes(out, head.block_hash.view());
    put_be64(out, head.commit_num);
    put_be64(out, XXH3_64bits(out.data(), out.size()));
    return out;
}

Result<HeadFile> decode_head(std::string_view bytes) {
    const Error damaged{ErrorCode::kCorruption, "PLUMBLINE_HEAD is damaged"};
    if (bytes.size() < kMagic.size() + 9 || !bytes.starts_with(kMagic)) {
        return damaged;
    }
    const std::string_view body = bytes.substr(0, bytes.size() - 8);
    if (load_be64(bytes.data() + body.size()) != XXH3_64bits(body.data(), body.size())) {
        return damaged;
    }
    Reader reader{body.substr(kMagic.size())};
    reader.expect(kHeadFormat);
    HeadFile head;
    head.format_version = reader.be32();
    const uint8_t buffered = reader.u8();
    head.buffered = buffered == 1;
    head.block_num = reader.be64();
    head.block_hash = reader.fixed<32>();
    head.commit_num = reader.be64();
    if (!reader.done() || buffered > 1) {
        return damaged;
    }
    return head;
}

Result<HeadFile> read_head(rocksdb::Env& env, const std::string& directory) {
    std::string bytes;
    const std::string path = head_path(directory);
    if (env.FileExists(path).IsNotFound()) {
        return Error{ErrorCode::kNotFound, path + ": no such file"};
    }
    PLUMBLINE_TRY_VOID(
        from_rocks(rocksdb::ReadFileToString(&env, path, &bytes), "reading " + path));
    return decode_head(bytes);
}

Status write_head(rocksdb::Env& env, const std::string& directory, const HeadFile& head) {
    rocksdb::FileSystem& files = *env.GetFileSystem();
    const std::string path = head_path(directory);
    const std::string fresh = path + ".tmp";
    rocksdb::Status status = write_whole(files, fresh, encode_head(head));
    if (status.ok()) {
        status = files.RenameFile(fresh, path, rocksdb::IOOptions{}, nullptr);
    }
    if (status.ok()) {
        status = sync_directory(files, directory);
    }
    return from_rocks(status, "writing " + path);
}

}  // namespace plumbline::storage
