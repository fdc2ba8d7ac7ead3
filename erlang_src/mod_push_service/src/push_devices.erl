%% Which devices a user has: the rules, in front of a store (push_devices_mnesia or _sql). The
%% store is the truth; the engines of each node hold copies that push_loader makes, and every
%% change here is followed by one there.
%%
%% A token has one owner and one entry per app: registered again, by whomever, it moves.
-module(push_devices).

-export([register/1, unregister/3, list/1, remove_user/1, backend/1, load_mac_key/2]).
%% Of all users of a vhost
-export([count/1, unregister_app/4]).
%% For push_loader, push_usage, push_transfer
-export([logout/3, account_removed/2, token_invalid/4, used/2, elsewhere/2]).
%% For other nodes
-export([refresh/1]).
%% Pure
-export([superseded/3, ringing/1, node/2, secret/3]).

-export_type([device/0, us/0, superseded/0]).

-include("logger.hrl").

-type us() :: {LUser :: binary(), LServer :: binary()}.
-type device() :: #{
    us := us(),
    app := binary(),
    token := binary(),                  %% lower-case hex
    kind := alert | voip,
    device_id := binary(),              %% the app's name for the device; <<>>: it gave none
    node := binary(),                   %% what <enable/> called it; <<>>: registered otherwise
    name := binary(),                   %% for lists
    resource := binary(),               %% of the session that it is bound to: the one it came from
    user_agent => binary(),             %% of the same, where it told one: see push_sessions
    content := push_content:level(),    %% the most that the device wants Apple to see
    language := binary(),
    remove_on_logout := boolean(),
    registered_at := non_neg_integer(), %% Unix ms
    last_used => non_neg_integer(),     %% Unix ms: see push_usage; none: not since registered_at
    last_error => {UnixMs :: non_neg_integer(), Reason :: binary()}
}.

%% Previous has the same app and token, whoever's it is.
-type superseded() :: fun((Owned :: [device()], Previous :: [device()]) -> [device()] | keep).

-callback init(Host :: binary(), gen_mod:opts()) -> ok.
%% Writes devices of a vhost, in one transaction with what they make superfluous, unless that is to
%% stay. Gone: devices that are no more, the same token of another owner among them.
-callback store([{device(), superseded()}, ...]) ->
    {ok, [Gone :: [device()] | kept]} | {error, db_failure}.
-callback lookup(us()) -> {ok, [device()]} | {error, db_failure}.
-callback lookup_token(Host :: binary(), App :: binary(), Token :: binary()) ->
    {ok, [device()]} | {error, db_failure}.
%% Removes those of the owner's devices that the condition names.
-callback remove(us(), fun((device()) -> boolean())) ->
    {ok, Gone :: [device()]} | {error, db_failure}.
%% In the whole place, whichever of its vhosts is named.
-callback remove_token(Host :: binary(), App :: binary(), Token :: binary(),
                       fun((device()) -> boolean())) ->
    {ok, Gone :: [device()]} | {error, db_failure}.
%% Changes those of the app's devices that the function changes, in the whole place. Not one that
%% was registered again or removed meanwhile; and none of what makes the engines' copies.
-callback update(Host :: binary(), App :: binary(), Notes :: [{Token :: binary(), Note}],
                 fun((device(), Note) -> device())) ->
    {ok, Changed :: non_neg_integer()} | {error, db_failure} when Note :: term().
%% Those who have a device of the app.
-callback owners_of(Host :: binary(), App :: binary()) -> {ok, [us()]} | {error, db_failure}.
%% Devices of a vhost, by app.
-callback count(Host :: binary()) ->
    {ok, #{App :: binary() => pos_integer()}} | {error, db_failure}.
%% A secret of the server, made by the first node that asks.
-callback secret(Host :: binary(), Name :: atom(), Fresh :: binary()) ->
    {ok, binary()} | {error, db_failure}.
-callback set_secret(Host :: binary(), Name :: atom(), binary()) -> ok | {error, db_failure}.
%% Over all devices of a vhost, some at a time. Each that is there throughout comes once; the
%% function runs in the caller's process and may take its time.
-callback fold(Host :: binary(), fun(([device()], Acc) -> Acc), Acc) ->
    {ok, Acc} | {error, db_failure}.
%% Whether the whole place has no device.
-callback is_empty(Host :: binary()) -> {ok, boolean()} | {error, db_failure}.
%% Which vhosts keep their devices in one place: those with the same answer.
-callback place(Host :: binary()) -> term().

%% Milliseconds that a client's answer waits for the registries of all nodes.
-define(REFRESH_TIMEOUT, 5000).
%% Tries to get a lock on a token; global waits up to a quarter of a second after the first, and
%% twice as long after each.
-define(LOCK_RETRIES, 5).

%% When it returns, the engines of all nodes know.
-spec register(device()) -> ok | {error, db_failure}.
register(#{us := US} = Device) ->
    case store(Device) of
        {ok, Gone, Result} ->
            ok = renew_mac_key(US),
            ok = refresh_all([US | owners(Gone)]),
            ok = push_removals:replaced(Device, Gone),
            Result;
        Error ->
            failed(Error)
    end.

store(#{us := {_, Host} = US, app := App, token := Token} = Device) ->
    Max = gen_mod:get_module_opt(Host, mod_push_service, max_devices),
    Store = fun() ->
        (backend(US)):store([{Device, fun(Owned, _) -> superseded(Device, Owned, Max) end}])
    end,
    case elsewhere(Host, App) of
        [] ->
            store_here(Store);
        Elsewhere ->
            %% No transaction reaches from one database into another: of two registrations at once
            %% each would remove the other's device.
            Lock = {{?MODULE, App, Token}, self()},
            Locked = fun() -> store_alone(Store, Elsewhere, App, Token) end,
            case global:trans(Lock, Locked, ejabberd_cluster:get_nodes(), ?LOCK_RETRIES) of
                aborted -> {error, db_failure};
                Result -> Result
            end
    end.

store_here(Store) ->
    case Store() of
        {ok, [Gone]} -> {ok, Gone, ok};
        Error -> Error
    end.

%% Where it cannot go elsewhere, the client is told to try again.
store_alone(Store, Elsewhere, App, Token) ->
    case Store() of
        {ok, [Replaced]} ->
            Results = [(backend(Host)):remove_token(Host, App, Token, fun(_) -> true end)
                       || Host <- Elsewhere],
            Moved = lists:append([Gone || {ok, Gone} <- Results]),
            {ok, Moved ++ Replaced,
             case lists:keyfind(error, 1, Results) of
                 false -> ok;
                 Error -> failed(Error)
             end};
        Error ->
            Error
    end.

%% The devices that are gone by this; [] where the condition named none.
-spec unregister(us(), fun((device()) -> boolean())) -> {ok, [device()]} | {error, db_failure}.
unregister(US, Condition) ->
    case (backend(US)):remove(US, Condition) of
        {ok, Gone} ->
            ok = refresh_all(owners(Gone)),
            {ok, Gone};
        Error ->
            failed(Error)
    end.

-spec unregister(us(), fun((device()) -> boolean()), Why :: binary()) ->
    {ok, [device()]} | {error, db_failure}.
unregister(US, Condition, Why) ->
    case unregister(US, Condition) of
        {ok, Gone} ->
            ok = push_removals:gone(Gone, Why),
            {ok, Gone};
        Error ->
            Error
    end.

-spec list(us()) -> {ok, [device()]} | {error, db_failure}.
list(US) ->
    case (backend(US)):lookup(US) of
        {ok, Devices} -> ok = renew_mac_key(US), {ok, Devices};
        Error -> failed(Error)
    end.

-spec count(Host :: binary()) ->
    {ok, #{App :: binary() => pos_integer()}} | {error, db_failure}.
count(Host) ->
    case (backend(Host)):count(Host) of
        {ok, Counts} -> {ok, Counts};
        Error -> failed(Error)
    end.

%% Those of the app's devices that the condition names. An owner at a time, so that a failure on
%% the way leaves nobody half done; again, it does the rest.
-spec unregister_app(Host :: binary(), App :: binary(), fun((device()) -> boolean()),
                     Why :: binary()) ->
    {ok, Gone :: non_neg_integer()} | {error, db_failure}.
unregister_app(Host, App, Condition, Why) ->
    case (backend(Host)):owners_of(Host, App) of
        {ok, Owners} ->
            OfApp = fun(#{app := A} = Device) -> A =:= App andalso Condition(Device) end,
            unregister_each(Owners, OfApp, Why, 0);
        Error ->
            failed(Error)
    end.

unregister_each([], _Condition, _Why, Count) ->
    {ok, Count};
unregister_each([US | Rest], Condition, Why, Count) ->
    case unregister(US, Condition, Why) of
        {ok, Gone} -> unregister_each(Rest, Condition, Why, Count + length(Gone));
        Error -> Error
    end.

-spec remove_user(us()) -> ok.
remove_user(US) ->
    case remove_user(US, fun(_) -> true end) of
        ok -> ok;
        {error, db_failure} ->
            push_loader:account_removed(US, erlang:system_time(millisecond))
    end.

%% Done later: what the next user of that name registered since stays.
-spec account_removed(us(), Now :: non_neg_integer()) -> ok | {error, db_failure}.
account_removed(US, Now) ->
    remove_user(US, fun(#{registered_at := At}) -> At =< Now end).

remove_user(US, Condition) ->
    case unregister(US, Condition) of
        {ok, Gone} -> push_removals:account_removed(US, Gone);
        Error -> Error
    end.

%% A session's clean end takes the devices with it that asked for it, a password's change all of
%% the account's; unless they were registered since.
-spec logout(us(), push_sessions:session() | password, Now :: non_neg_integer()) ->
    ok | {error, db_failure}.
logout(US, Which, Now) ->
    Condition = fun(#{registered_at := At} = Device) ->
        At =< Now andalso push_sessions:leaves(Device, Which)
    end,
    Why = case Which of
        password -> <<"the password was changed">>;
        _ -> <<"logged out">>
    end,
    case unregister(US, Condition, Why) of
        {ok, _} -> ok;
        Error -> Error
    end.

%% Apple declared the token dead as of Timestamp; registered again since, it is alive.
-spec token_invalid(App :: binary(), Token :: binary(), Timestamp :: non_neg_integer(),
                    Reason :: binary()) -> ok | {error, db_failure}.
token_invalid(App, Token, Timestamp, Reason) ->
    Condition = fun(#{registered_at := At}) -> At =< Timestamp end,
    Results = [(backend(Host)):remove_token(Host, App, Token, Condition)
               || {_, Host} <- places(App)],
    Gone = lists:append([Devices || {ok, Devices} <- Results]),
    ok = refresh_all(owners(Gone)),
    ok = push_removals:gone(Gone, Reason),
    case lists:keyfind(error, 1, Results) of
        false -> ok;
        Error -> failed(Error)
    end.

%% The engines' copies stay as they are: none of it is in them.
-spec used(App :: binary(), [{Token :: binary(), push_usage:note()}]) ->
    ok | {error, db_failure}.
used(App, Notes) ->
    %% In one order, so that two nodes do not wait for one another.
    Sorted = lists:keysort(1, Notes),
    Results = [(backend(Host)):update(Host, App, Sorted, fun noted/2) || {_, Host} <- places(App)],
    case lists:keyfind(error, 1, Results) of
        false -> ok;
        Error -> failed(Error)
    end.

%% A device of which nothing can be noted keeps no other's notes from the store.
noted(Device, Note) ->
    try push_usage:noted(Device, Note)
    catch
        error:_ ->
            ok = push_counters:add(usage_dropped),
            Device
    end.

%% On this node. Returns when the engines know what the database says, or after a while.
-spec refresh([us()]) -> ok.
refresh(Owners) ->
    push_loader:refresh(Owners, ?REFRESH_TIMEOUT).

refresh_all([]) ->
    ok;
refresh_all(Owners) ->
    Unique = lists:usort(Owners),
    ok = refresh(Unique),
    case {ejabberd_cluster:get_nodes() -- [node()], push_loader:is_self()} of
        {[], _} ->
            ok;
        {Others, false} ->
            _ = ejabberd_cluster:multicall(Others, ?MODULE, refresh, [Unique], ?REFRESH_TIMEOUT),
            ok;
        {Others, true} ->
            %% Two loaders that wait for one another would wait until the timeout.
            ejabberd_cluster:eval_everywhere(Others, ?MODULE, refresh, [Unique])
    end.

%% What a new registration makes superfluous among its owner's other devices: the same device with
%% its former token, and beyond Max phones those that were unused for longest. Tokens of one
%% app and device_id are one phone, which comes and goes as a whole.
-spec superseded(device(), [device()], Max :: pos_integer()) -> [device()].
superseded(#{app := App, token := Token, kind := Kind} = New, Owned, Max) ->
    Others = [D || #{app := A, token := T} = D <- Owned, {A, T} =/= {App, Token}],
    {Own, Rest} = lists:partition(fun(D) -> phone(D) =:= phone(New) end, Others),
    Former = [D || #{kind := K} = D <- Own, K =:= Kind],
    Phones = maps:values(maps:groups_from_list(fun phone/1, Rest)),
    Newest = lists:sort(fun(A, B) -> last_use(A) >= last_use(B) end, Phones),
    Former ++ lists:append(lists:nthtail(min(Max - 1, length(Newest)), Newest)).

phone(#{app := App, device_id := <<>>, token := Token}) -> {App, token, Token};
phone(#{app := App, device_id := Id}) -> {App, device_id, Id}.

last_use(Phone) ->
    lists:max([push_usage:last_used(Device) || Device <- Phone]).

%% Which of a user's devices a call goes to: one token of each phone. By the app's name for it
%% (device_id) it is known which tokens are of one phone. Without, PushKit's token and the alert
%% tokens of the same app may well be, so none of the latter is told. First choice is a PushKit
%% token, then the last that was registered.
-spec ringing([device()]) -> [device()].
ringing(Devices) ->
    Preferred = lists:sort(fun(A, B) -> preference(A) >= preference(B) end, Devices),
    lists:foldl(fun(Device, Chosen) ->
        case lists:any(fun(Other) -> is_same_phone(Other, Device) end, Chosen) of
            true -> Chosen;
            false -> [Device | Chosen]
        end
    end, [], Preferred).

preference(#{kind := Kind, registered_at := At}) ->
    {Kind =:= voip, At}.

is_same_phone(#{device_id := A}, #{device_id := B}) when A =/= <<>>, B =/= <<>> ->
    A =:= B;
is_same_phone(#{app := A, kind := Kind}, #{app := B, kind := OtherKind}) ->
    A =:= B andalso Kind =/= OtherKind.

%% A name for a device that says nothing about its token, for lists and XEP-0357's node.
-spec node(MacKey :: binary(), #{app := binary(), token := binary(), _ => _}) -> binary().
node(MacKey, #{app := App, token := Token}) ->
    <<"d-", (mac(MacKey, [<<"node">>, 0, App, 0, Token]))/binary>>.

%% The secret that goes with a node in the ad-hoc dialects.
-spec secret(MacKey :: binary(), us(), Node :: binary()) -> binary().
secret(MacKey, US, Node) ->
    mac(MacKey, [<<"secret">>, 0, push_settings:owner(US), 0, Node]).

mac(Key, Data) ->
    <<Mac:16/binary, _/binary>> = crypto:mac(hmac, sha256, Key, Data),
    binary:encode_hex(Mac).

-spec load_mac_key(Host :: binary(), Backend :: module()) -> ok.
load_mac_key(Host, Backend) ->
    Fresh = crypto:strong_rand_bytes(32),
    case Backend:secret(Host, mac_key, Fresh) of
        {ok, Key} ->
            push_settings:set_mac_key(Host, kept, Key);
        {error, db_failure} ->
            temporary_mac_key(Host, push_settings:mac_key_kind(Host), Fresh)
    end.

temporary_mac_key(Host, none, Fresh) ->
    ?ERROR_MSG("The database of ~ts did not give the server's key: until it does, thread ids "
               "differ from those before", [Host]),
    push_settings:set_mac_key(Host, temporary, Fresh);
temporary_mac_key(_Host, _Kind, _Fresh) ->
    ok.

%% The database is there again.
renew_mac_key({_, Host}) ->
    case push_settings:mac_key_kind(Host) of
        temporary -> load_mac_key(Host, backend(Host));
        _ -> ok
    end.

-spec backend(us() | Host :: binary()) -> module().
backend({_, Host}) -> backend(Host);
backend(Host) -> gen_mod:db_mod(gen_mod:get_module_opt(Host, mod_push_service, db_type), ?MODULE).

place(Host) -> (backend(Host)):place(Host).

%% Where devices with this app may be, each with one vhost that leads there.
places(App) ->
    maps:to_list(maps:from_list(
        [{place(Host), Host} || {Host, #{apps := Apps}} <- push_settings:hosts(),
                                is_map_key(App, Apps)])).

%% Other places with devices of the app.
-spec elsewhere(Host :: binary(), App :: binary()) -> [Host :: binary()].
elsewhere(Host, App) ->
    Here = place(Host),
    [There || {Place, There} <- places(App), Place =/= Here].

owners(Devices) ->
    [US || #{us := US} <- Devices].

failed({error, db_failure} = Error) ->
    ok = push_counters:add(database_failed),
    Error.
