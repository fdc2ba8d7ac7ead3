%% All devices of a vhost out of a store into a file, and back into the same store or another: for
%% who changes the store, or moves to another machine. push_device_file does the files,
%% push_device_line the lines; here is what an import may do to what is there.
%%
%% It may be repeated, and it may run while devices register: what was registered later wins,
%% whichever comes first. Neither reads or writes much at a time, whatever there is in all.
-module(push_transfer).

-export([export/3, import/3, empty/2]).
%% For other nodes
-export([forget/1, tell/2]).
%% Pure
-export([superseded/4]).

-export_type([report/0, problem/0]).

-include("logger.hrl").

-type report() :: #{
    imported := non_neg_integer(),      %% stored now
    known := non_neg_integer(),         %% left out: the same or a later registration is there
    refused := non_neg_integer(),       %% lines that are no device
    %% The first of these: sentences, and by line.
    problems := [{Line :: pos_integer(), push_device_line:sentence()}],
    expected := non_neg_integer(),      %% devices that the first line promises
    %% The server's key, see push_settings:mac_key/1. other: the file's is another one, and what is
    %% here goes by ours.
    key := same | taken | other | none
}.
-type problem() :: push_device_file:problem() | db_failure.

-record(import, {
    host :: binary(),
    backend :: module(),
    is_used :: boolean(),               %% the vhost's users have their devices there
    is_empty = false :: boolean(),      %% the store had no device when the import began
    max :: pos_integer(),
    now :: non_neg_integer(),
    names = #{} :: push_device_line:names(),
    changed = [] :: [push_devices:us()],
    last = 0 :: non_neg_integer(),      %% the line that is done
    report :: none | report(),
    failed = none :: none | problem()
}).

%% Milliseconds that the nodes' engines are waited for, after some lines.
-define(NODES_TIMEOUT, 5000).
%% Devices that are stored at a time. ejabberd has ten connections to a database unless told
%% otherwise: others need some, too.
-define(TOGETHER, 4).
%% Devices in one transaction: enough to save a database writes to the disk, and so few that four
%% transactions seldom want one another's locks (two of push_devices_sql's for each device).
-define(BATCH, 10).
%% Wrong lines that are told.
-define(MAX_PROBLEMS, 10).

%%% Export

-spec export(Host :: binary(), Backend :: module(), file:filename_all()) ->
    {ok, Count :: non_neg_integer()} | {error, problem()}.
export(Host, Backend, Path) ->
    case Backend:secret(Host, mac_key, crypto:strong_rand_bytes(32)) of
        {ok, Key} ->
            Header = fun(Count) ->
                push_device_line:header(#{host => Host, count => Count, mac_key => Key})
            end,
            push_device_file:write(Path, fun(Put) -> fill(Host, Backend, Header, Put) end);
        {error, db_failure} ->
            {error, db_failure}
    end.

fill(Host, Backend, Header, Put) ->
    %% Room for the header, which comes last.
    ok = Put([binary:copy(<<" ">>, byte_size(Header(0))), $\n]),
    Write = fun(Devices, Count) ->
        ok = Put([[push_device_line:device(Device), $\n] || Device <- Devices]),
        Count + length(Devices)
    end,
    case Backend:fold(Host, Write, 0) of
        {ok, Count} -> {ok, Header(Count), Count};
        {error, db_failure} -> {error, db_failure}
    end.

%%% Import

%% Of a failure the report tells what was done before.
-spec import(Host :: binary(), Backend :: module(), file:filename_all()) ->
    {ok, report()} | {error, problem(), none | {Line :: non_neg_integer(), report()}}.
import(Host, Backend, Path) ->
    State = #import{host = Host, backend = Backend, report = none,
                    is_used = Backend =:= push_devices:backend(Host),
                    max = gen_mod:get_module_opt(Host, mod_push_service, max_devices),
                    now = erlang:system_time(millisecond)},
    case push_device_file:read(Path, fun lines/2, State) of
        {ok, #import{failed = none, report = none}} ->
            {error, {file, <<"The file is empty">>}, none};
        {ok, #import{failed = none, report = Report} = Done} ->
            ok = tell_sessions(Done),
            {ok, sorted(Report)};
        {ok, #import{failed = Problem, report = none}} ->
            {error, Problem, none};
        {ok, #import{failed = Problem, last = Last, report = Report} = Done} ->
            ok = tell_sessions(Done),
            {error, Problem, {Last, sorted(Report)}};
        {error, Problem} ->
            {error, Problem, none}
    end.

sorted(#{problems := Problems} = Report) ->
    Report#{problems := lists:sort(Problems)}.

lines([{_, Line} | Lines], #import{report = none, host = Host} = State) ->
    case is_binary(Line) andalso push_device_line:read_header(Line, Host) of
        {ok, Header} -> lines(Lines, begin_with(Header, State));
        {error, Sentence} -> {stop, failed({file, about_header(Sentence)}, State)};
        false -> {stop, failed({file, about_header(<<"it is too long">>)}, State)}
    end;
lines(Lines, #import{failed = none} = State) ->
    %% At once for some: the engines of all nodes are told in one go.
    {Devices, Read} = lists:mapfoldl(fun line/2, State, Lines),
    Results = store_all(lists:append(Devices), Read),
    Done = told(lists:foldl(fun stored/2, Read, lists:keysort(1, Results))),
    case Done of
        #import{failed = none} -> {more, Done};
        _ -> {stop, Done}
    end;
lines(_Lines, State) ->
    {stop, State}.

about_header(Sentence) ->
    <<"The file's first line is wrong: ", Sentence/binary>>.

failed(Problem, State) ->
    State#import{failed = Problem}.

begin_with(#{count := Count, mac_key := Key}, State) ->
    Report = #{imported => 0, known => 0, refused => 0, problems => [], expected => Count,
               key => none},
    case is_empty(State) of
        {ok, IsEmpty} -> with_key(take_key(Key, IsEmpty, State), Report,
                                  State#import{is_empty = IsEmpty});
        {error, db_failure} -> failed(db_failure, State#import{report = Report})
    end.

is_empty(#import{host = Host, backend = Backend}) ->
    Backend:is_empty(Host).

with_key({error, db_failure}, Report, State) ->
    failed(db_failure, State#import{report = Report});
with_key(Taken, Report, State) ->
    State#import{report = Report#{key := Taken}}.

line({Number, Line}, #import{host = Host, now = Now, names = Names} = State) ->
    Read = case Line of
        too_long -> {error, <<"too long">>};
        _ -> push_device_line:read(Line, Host, Now, Names)
    end,
    case Read of
        {ok, Device, Names1} -> {[{Number, Device}], State#import{names = Names1}};
        {error, Sentence} -> {[], wrong(Number, Sentence, State)}
    end.

%% What follows a failure may be stored or not: it comes again.
stored({_, {ok, Owners}}, #import{failed = Problem, changed = Changed} = State)
  when Problem =/= none ->
    State#import{changed = Owners ++ Changed};
stored(_, #import{failed = Problem} = State) when Problem =/= none ->
    State;
stored({_, {error, db_failure}}, State) ->
    failed(db_failure, State);
stored({Number, {refused, Sentence}}, State) ->
    wrong(Number, Sentence, State#import{last = Number});
stored({Number, kept}, State) ->
    counted(known, State#import{last = Number});
stored({Number, {ok, Owners}}, #import{changed = Changed} = State) ->
    counted(imported, State#import{last = Number, changed = Owners ++ Changed}).

wrong(Number, Sentence, #import{report = Report} = State) ->
    #{refused := N, problems := Problems} = Report,
    Told = case N < ?MAX_PROBLEMS of
        true -> [{Number, Sentence} | Problems];
        false -> Problems
    end,
    State#import{report = Report#{refused := N + 1, problems := Told}}.

counted(What, #import{report = Report} = State) ->
    State#import{report = maps:update_with(What, fun(N) -> N + 1 end, Report)}.

%%% Which registration wins

%% Some at a time, each owner's in order: a database has several connections, and each device takes
%% it some round trips.
store_all(Devices, State) ->
    Groups = maps:values(maps:groups_from_list(
        fun({_, #{us := US}}) -> erlang:phash2(US, ?TOGETHER) end, Devices)),
    Self = self(),
    Runs = [spawn_monitor(fun() -> Self ! {self(), store_each(Group, State)} end)
            || Group <- Groups],
    lists:append([receive
                      {Pid, Results} -> true = demonitor(Monitor, [flush]), Results;
                      {'DOWN', Monitor, process, Pid, Reason} -> error(Reason)
                  end || {Pid, Monitor} <- Runs]).

store_each([], _State) ->
    [];
store_each(Devices, State) ->
    {Some, Rest} = lists:split(min(?BATCH, length(Devices)), Devices),
    Results = guarded(Some, State),
    case lists:keymember({error, db_failure}, 2, Results) of
        true -> Results;
        false -> Results ++ store_each(Rest, State)
    end.

%% A crash would print whole tokens. Whether these are stored nobody knows: the engines ask anew.
guarded([{First, _} | _] = Devices, State) ->
    try store_some(Devices, State) catch
        Class:_:Stack ->
            ?ERROR_MSG("Import of devices: ~p in ~p:~p",
                       [Class, element(1, hd(Stack)), element(2, hd(Stack))]),
            [{First, {error, db_failure}},
             {First, {ok, owners([Device || {_, Device} <- Devices])}}]
    end.

store_some(Devices, State) ->
    Judged = [{Number, Device, is_stale(Device, State)} || {Number, Device} <- Devices],
    Old = [{Number, case Stale of true -> kept; Error -> Error end}
           || {Number, _, Stale} <- Judged, Stale =/= false],
    case [{Number, Device} || {Number, Device, false} <- Judged] of
        [] ->
            Old;
        New ->
            Old ++ write(New, State)
    end.

write(New, #import{backend = Backend, max = Max} = State) ->
    settle(Backend:store([{Device, fun(Owned, Previous) ->
                               superseded(Device, Owned, Previous, Max)
                           end} || {_, Device} <- New]), New, State).

settle({ok, Results}, New, State) ->
    [{Number, case Result of
                  kept -> kept;
                  Gone -> {ok, [US | owners(Gone ++ remove_there(Device, State))]}
              end}
     || {{Number, #{us := US} = Device}, Result} <- lists:zip(New, Results)];
%% One of them may be too much for the database; that is no reason to lose the others.
settle({error, db_failure} = Error, [{Number, _}], State) ->
    case is_empty(State) of
        {ok, _} -> [{Number, {refused, <<"the database does not take it">>}}];
        Error -> [{Number, Error}]
    end;
settle({error, db_failure}, New, State) ->
    lists:append([write([One], State) || One <- New]).

is_stale(Device, State) ->
    case is_later_there(elsewhere(Device, State), Device) of
        false -> is_known(Device, State);
        Other -> Other
    end.

%% Other places where the token may be. What users have now is right, and no import into a store
%% that is not in use yet takes it away.
elsewhere(_Device, #import{is_used = false}) -> [];
elsewhere(#{app := App}, #import{host = Host}) -> push_devices:elsewhere(Host, App).

%% Of another owner: the owner's own are in the store that was in use before.
is_later_there([], _Device) ->
    false;
is_later_there([There | Rest], #{us := US, app := App, token := Token} = Device) ->
    #{registered_at := At} = Device,
    case (push_devices:backend(There)):lookup_token(There, App, Token) of
        {ok, Devices} ->
            [] =/= [D || #{us := Other, registered_at := Since} = D <- Devices,
                         Other =/= US, Since >= At]
                orelse is_later_there(Rest, Device);
        Error ->
            Error
    end.

%% Without a transaction, for an import that is made again.
is_known(#{app := App, token := Token, registered_at := At},
         #import{host = Host, backend = Backend, is_empty = false}) ->
    case Backend:lookup_token(Host, App, Token) of
        {ok, Devices} -> [] =/= [D || #{registered_at := Since} = D <- Devices, Since >= At];
        Error -> Error
    end;
is_known(_Device, _State) ->
    false.

%% A registration of this moment wins all the same: it removes the token here when it is stored
%% there.
remove_there(#{us := US, app := App, token := Token, registered_at := At} = Device, State) ->
    IsEarlier = fun(#{us := Other, registered_at := Since}) -> Other =/= US andalso Since < At end,
    lists:append([Gone || There <- elsewhere(Device, State),
                          {ok, Gone} <- [(push_devices:backend(There)):remove_token(
                                             There, App, Token, IsEarlier)]]).

owners(Devices) ->
    [US || #{us := US} <- Devices].

%% What an import makes superfluous among its owner's devices; keep: it is superfluous itself.
%% Previous has the same app and token.
-spec superseded(push_devices:device(), Owned :: [push_devices:device()],
                 Previous :: [push_devices:device()], Max :: pos_integer()) ->
    [push_devices:device()] | keep.
superseded(#{registered_at := At} = Device, Owned, Previous, Max) ->
    Later = [D || #{registered_at := Since} = D <- Owned, Since >= At],
    IsOld = [D || #{registered_at := Since} = D <- Previous, Since >= At] =/= []
        %% The same phone has another token by now, or so many other phones were registered since.
        orelse push_devices:superseded(Device, Later, Max) =/= [],
    case IsOld of
        true -> keep;
        false -> push_devices:superseded(Device, Owned, Max)
    end.

%%% The server's key

%% Thread ids and the names of devices that clients were told depend on it, so it comes along; but
%% not where others' devices have theirs by the key that is there.
take_key(none, _IsEmpty, _State) ->
    none;
take_key(Key, IsEmpty, #import{host = Host, backend = Backend} = State) ->
    case Backend:secret(Host, mac_key, Key) of
        {ok, Key} ->
            ok = use_key(State),
            same;
        {ok, _} when IsEmpty ->
            case Backend:set_secret(Host, mac_key, Key) of
                ok -> ok = use_key(State), taken;
                Error -> Error
            end;
        {ok, _} ->
            other;
        Error ->
            Error
    end.

use_key(#import{is_used = false}) ->
    ok;
use_key(#import{host = Host}) ->
    on_all_nodes(tell, [key, Host]).

%%% Engines and sessions, on all nodes

%% From an import's process, some devices at a time: what engines hold of their owners is old.
told(#import{changed = []} = State) ->
    State;
told(#import{is_used = false} = State) ->
    State#import{changed = []};
told(#import{changed = Changed} = State) ->
    ok = on_all_nodes(forget, [lists:usort(Changed)]),
    State#import{changed = []}.

%% Sessions go by what they were told of their devices when they began.
tell_sessions(#import{is_used = true, host = Host, report = #{imported := N}}) when N > 0 ->
    on_all_nodes(tell, [sessions, Host]);
tell_sessions(_State) ->
    ok.

on_all_nodes(Function, Args) ->
    _ = ejabberd_cluster:multicall(ejabberd_cluster:get_nodes(), ?MODULE, Function, Args,
                                   ?NODES_TIMEOUT),
    ok.

-spec forget([push_devices:us()]) -> ok.
forget(Owners) ->
    push_loader:forget(Owners, ?NODES_TIMEOUT).

-spec tell(key | sessions, Host :: binary()) -> ok.
tell(key, Host) ->
    Place = place(Host),
    lists:foreach(fun({Other, _}) ->
        case place(Other) of
            Place -> push_devices:load_mac_key(Other, push_devices:backend(Other));
            _ -> ok
        end
    end, push_settings:hosts());
tell(sessions, Host) ->
    push_loader:learn_sessions(Host).

place(Host) ->
    (push_devices:backend(Host)):place(Host).

%%% Clearing

%% All devices that the vhost has in a store that is in use no more.
-spec empty(Host :: binary(), Backend :: module()) ->
    {ok, Gone :: non_neg_integer()} | {error, db_failure}.
empty(Host, Backend) ->
    All = fun(_) -> true end,
    Remove = fun(Devices, Count) ->
        lists:foldl(fun(US, N) ->
            {ok, Gone} = Backend:remove(US, All),
            N + length(Gone)
        end, Count, lists:usort(owners(Devices)))
    end,
    try Backend:fold(Host, Remove, 0)
    catch
        error:{badmatch, {error, db_failure}} -> {error, db_failure}
    end.
