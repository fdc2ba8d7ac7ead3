%% Files with a header and a line for each device: written whole or not at all, and read some lines
%% at a time. They hold tokens and the server's key, so nobody but ejabberd's user may read them.
-module(push_device_file).

-export([write/2, read/3]).

-export_type([problem/0, line/0, put/0]).

-type problem() :: {file, Sentence :: binary()}.
-type line() :: {Number :: pos_integer(), binary() | too_long}.
-type put() :: fun((iodata()) -> ok).

%% Bytes read at a time, and of a line at most: some twenty times what a device takes.
-define(BLOCK, 65536).
-define(MAX_LINE, ?BLOCK).

%% The function writes all lines, and gives a header with which the first of them is overwritten:
%% of the same length. What it throws or gives as an error ends the file.
-spec write(file:filename_all(), fun((put()) -> {ok, Header :: binary(), T} | {error, E})) ->
    {ok, T} | {error, problem() | E}.
write(Path, Fill) ->
    %% A folder of our own: between a file's creation and the change of its mode others could open
    %% it, and read what is written later.
    Folder = filename_with(Path, ".partial"),
    Partial = filename:join(Folder, "devices"),
    case create(Path, Folder, Partial) of
        {ok, File} ->
            try
                Filled = Fill(fun(Data) -> ok = sure(file:write(File, Data)) end),
                finish(Filled, File, Partial, Path)
            catch
                throw:{file_failed, Reason} -> {error, {file, cannot("written", Reason)}}
            after
                _ = file:close(File),
                _ = file:delete(Partial),
                _ = file:del_dir(Folder)
            end;
        Error ->
            Error
    end.

create(Path, Folder, Partial) ->
    case {filename:pathtype(Path), file:read_link_info(Path)} of
        {absolute, {error, enoent}} ->
            case file:make_dir(Folder) of
                ok ->
                    create_in(Folder, Partial);
                {error, eexist} ->
                    {error, {file, <<"Another export writes this file, or one was broken off: "
                                     "then remove the folder beside it, *.partial">>}};
                {error, Reason} ->
                    {error, {file, cannot("written", Reason)}}
            end;
        {absolute, {ok, _}} ->
            {error, {file, <<"There is such a file already: it is left as it is">>}};
        {absolute, {error, Reason}} ->
            {error, {file, cannot("written", Reason)}};
        _ ->
            {error, {file, whole_path()}}
    end.

%% The folder is ours: it goes again where nothing can be written into it.
create_in(Folder, Partial) ->
    try
        ok = sure(file:change_mode(Folder, 8#700)),
        {ok, File} = sure_open(file:open(Partial, [write, exclusive, raw, binary])),
        ok = sure(file:change_mode(Partial, 8#600)),
        {ok, File}
    catch
        throw:{file_failed, Reason} ->
            _ = file:delete(Partial),
            _ = file:del_dir(Folder),
            {error, {file, cannot("written", Reason)}}
    end.

finish({ok, Header, Result}, File, Partial, Path) ->
    ok = sure(file:pwrite(File, 0, Header)),
    ok = sure(file:sync(File)),
    ok = sure(file:close(File)),
    ok = sure(file:rename(Partial, Path)),
    {ok, Result};
finish(Error, _File, _Partial, _Path) ->
    Error.

%% Some lines at a time, empty ones left out, until the function stops it.
-spec read(file:filename_all(), fun(([line(), ...], Acc) -> {more | stop, Acc}), Acc) ->
    {ok, Acc} | {error, problem()}.
read(Path, Fun, Acc) ->
    case {filename:pathtype(Path), file:read_file_info(Path)} of
        %% A pipe could keep the reader for ever.
        {absolute, {ok, Info}} when element(3, Info) =:= regular ->
            case file:open(Path, [read, raw, binary]) of
                {ok, File} ->
                    try blocks(File, Fun, {1, <<>>}, Acc)
                    catch
                        throw:{file_failed, Reason} -> {error, {file, cannot("read", Reason)}}
                    after
                        file:close(File)
                    end;
                {error, Reason} ->
                    {error, {file, cannot("read", Reason)}}
            end;
        {absolute, {ok, _}} ->
            {error, {file, <<"This is no file">>}};
        {absolute, {error, Reason}} ->
            {error, {file, cannot("read", Reason)}};
        _ ->
            {error, {file, whole_path()}}
    end.

%% Rest: of a line whose end is not read yet; skip: it is too long.
blocks(File, Fun, {Number, Rest}, Acc) ->
    case file:read(File, ?BLOCK) of
        {ok, Block} ->
            Parts = binary:split(Block, <<"\n">>, [global]),
            {Lines, Next} = lines(Parts, Number, Rest, []),
            continue(given(Lines, Fun, Acc), File, Fun, Next);
        eof when Rest =:= <<>> ->
            {ok, Acc};
        eof ->
            {_, Last} = given([{Number, long(Rest)}], Fun, Acc),
            {ok, Last};
        {error, Reason} ->
            throw({file_failed, Reason})
    end.

continue({more, Acc}, File, Fun, Next) -> blocks(File, Fun, Next, Acc);
continue({stop, Acc}, _File, _Fun, _Next) -> {ok, Acc}.

lines([Part], Number, Rest, Lines) ->
    {lists:reverse(Lines), {Number, joined(Rest, Part)}};
lines([Part | Parts], Number, Rest, Lines) ->
    Line = long(joined(Rest, Part)),
    lines(Parts, Number + 1, <<>>, [{Number, Line} | Lines]).

joined(skip, _Part) -> skip;
joined(Rest, Part) when byte_size(Rest) + byte_size(Part) > ?MAX_LINE -> skip;
joined(Rest, Part) -> <<Rest/binary, Part/binary>>.

long(skip) -> too_long;
long(Line) -> Line.

given(Lines, Fun, Acc) ->
    case [Line || {_, Text} = Line <- Lines, not is_blank(Text)] of
        [] -> {more, Acc};
        Some -> Fun(Some, Acc)
    end.

is_blank(too_long) -> false;
is_blank(Text) -> string:trim(Text) =:= <<>>.

filename_with(Path, Ending) ->
    <<(iolist_to_binary(Path))/binary, (list_to_binary(Ending))/binary>>.

sure(ok) -> ok;
sure({error, Reason}) -> throw({file_failed, Reason}).

sure_open({ok, _} = Opened) -> Opened;
sure_open({error, Reason}) -> throw({file_failed, Reason}).

whole_path() ->
    <<"Give the whole path of the file, from / on: the server's folder is not yours">>.

cannot(What, Reason) ->
    iolist_to_binary(["The file cannot be ", What, " by the server: ", file:format_error(Reason)]).
